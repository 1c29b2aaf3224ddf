package dev.baton.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.lang.reflect.Modifier;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LinuxExceptionTest {
    @Test
    void shouldSayWhatWasAttemptedAndWhatTheKernelSaid() {
        var e = new LinuxException("bind(127.0.0.1:80)", 13);
        assertThat(e).hasMessage("bind(127.0.0.1:80): EACCES, permission denied");
        assertThat(e.call()).isEqualTo("bind(127.0.0.1:80)");
        assertThat(e.errno()).isEqualTo(LinuxException.EACCES);
        assertThat(e.errnoName()).isEqualTo("EACCES");
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, 127.0.0.1:80",
        "0.0.0.0, 0.0.0.0:80",
        "::, [::]:80",
        "::1, [::1]:80",
        "2001:db8::8:800:200c:417a, [2001:db8::8:800:200c:417a]:80",
        "fe80::, [fe80::]:80"
    })
    void shouldWriteAddressesTheWayOperatorsDo(String host, String written) {
        var address = new InetSocketAddress(InetAddress.ofLiteral(host), 80);
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> LinuxException.check(-LinuxException.EACCES, "bind", address))
                .withMessage("bind(%s): EACCES, permission denied", written);
    }

    @Test
    void shouldKeepTheNumberOfAnErrnoItHasNoNameFor() {
        var e = new LinuxException("flock(/run/lock)", 37);
        assertThat(e).hasMessage("flock(/run/lock): errno 37");
        assertThat(e.errnoName()).isEqualTo("errno 37");
    }

    @Test
    void shouldHaveWordsForEveryConstant() {
        var constants = Arrays.stream(LinuxException.class.getFields())
                .filter(field -> Modifier.isStatic(field.getModifiers()))
                .toList();
        assertThat(constants)
                .hasSizeGreaterThan(30)
                .allSatisfy(field -> assertThat(new LinuxException("call()", field.getInt(null)).errnoName())
                        .isEqualTo(field.getName()));
    }
}
