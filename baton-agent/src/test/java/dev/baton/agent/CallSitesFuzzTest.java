package dev.baton.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

/** Any bytes give a class file without the call that was to be redirected, or are refused. */
class CallSitesFuzzTest {
    private static final String FORMER = "dev/baton/agent/CallSitesTest$Former";
    private static final String LATTER = "dev/baton/agent/CallSitesTest$Latter";
    private static final Set<String> ONE = Set.of("one");

    static Stream<byte[]> classFiles() throws IOException {
        return Stream.of(CallSitesTest.classFile());
    }

    @MethodSource("classFiles")
    @FuzzTest(maxDuration = "10m")
    void shouldBeAClassFileOrRefused(byte[] bytes) {
        changed(bytes, CallSitesFuzzTest::redirected)
                .ifPresent(classFile -> assertThatIllegalArgumentException()
                        .isThrownBy(() -> redirected(classFile))
                        .withMessageStartingWith("no call of " + FORMER));
        changed(bytes, CallSitesFuzzTest::redirectedVirtual)
                .ifPresent(classFile -> assertThatIllegalArgumentException()
                        .isThrownBy(() -> redirectedVirtual(classFile))
                        .withMessageContaining("call"));
        changed(bytes, CallSitesFuzzTest::renamed)
                .ifPresent(classFile -> assertThat(renamed(classFile)).hasSizeGreaterThan(classFile.length));
    }

    private static byte[] redirected(byte[] classFile) {
        return CallSites.redirect(classFile, FORMER, ONE, LATTER);
    }

    private static byte[] redirectedVirtual(byte[] classFile) {
        return CallSites.redirectVirtual(classFile, FORMER, "one", "()Ljava/lang/String;", LATTER);
    }

    private static byte[] renamed(byte[] classFile) {
        return CallSites.rename(classFile, LATTER);
    }

    private static Optional<byte[]> changed(byte[] bytes, UnaryOperator<byte[]> change) {
        try {
            return Optional.of(change.apply(bytes.clone()));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
