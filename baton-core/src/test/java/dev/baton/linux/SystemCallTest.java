package dev.baton.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class SystemCallTest {
    @Test
    void shouldHaveANumberOfItsOwnOnBothArchitectures() {
        for (var architecture : new String[] {"amd64", "aarch64"}) {
            assertThat(Arrays.stream(SystemCall.values()).map(call -> call.number("Linux", architecture)))
                    .doesNotHaveDuplicates();
        }
        assertThat(SystemCall.SENDMSG.number("Linux", "amd64")).isEqualTo(46);
        assertThat(SystemCall.SENDMSG.number("Linux", "aarch64")).isEqualTo(211);
    }

    @Test
    void shouldRefuseWhatItDoesNotKnow() {
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> SystemCall.BIND.number("Linux", "riscv64"))
                .withMessage("Baton knows Linux on x86-64 and aarch64; this JVM runs on riscv64");
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> SystemCall.BIND.number("Mac OS X", "aarch64"))
                .withMessage("Baton needs Linux; this is Mac OS X");
    }

    @Test
    void shouldReturnTheErrnoNegated() {
        assertThat(SystemCall.CLOSE.invoke(-1)).isEqualTo(-LinuxException.EBADF);
    }
}
