package dev.baton.jdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.launch.Jvm;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 60, threadMode = ThreadMode.SEPARATE_THREAD)
class SignalsTest {
    @ParameterizedTest
    @ValueSource(strings = {"HUP", "INT", "TERM"})
    void shouldRunTheActionInsteadOfEndingTheProcess(String signal) throws Exception {
        assertThat(child("", signal, List.of())).contains("INSTALLED true SIG" + signal + " is handled", "arrived");
    }

    @Test
    void shouldTellThatASignalIgnoredAtStartNeverArrives() throws Exception {
        assertThat(child("trap '' HUP; ", "HUP", List.of()))
                .contains(
                        "IGNORED_AT_START false SIGHUP will never arrive: it was ignored when this process was started")
                .doesNotContain("arrived");
    }

    @Test
    void shouldTellThatTheJvmKeepsTheSignal() throws Exception {
        assertThat(child("", "HUP", List.of("-Xrs")))
                .contains("REFUSED false SIGHUP cannot be handled", "is -Xrs on the command line");
    }

    @Test
    void shouldRefuseTheSignalHotSpotNeedsForItself() {
        assertThatThrownBy(() -> Signals.on("USR2", () -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("SIGUSR2 cannot be used: HotSpot suspends threads with it");
        assertThatThrownBy(() -> Signals.on("KILL", () -> {}))
                .hasMessage("SIGKILL cannot be used: only HUP, INT and TERM can");
    }

    private static String child(String before, String signal, List<String> options) throws Exception {
        // A build in the background has SIGINT ignored, and so would what it starts.
        var builder = new ProcessBuilder(
                "env", "--default-signal=HUP,INT,TERM", "/bin/sh", "-c", before + "exec \"$@\"", "sh");
        builder.command().addAll(Jvm.command(Jvm.java().toString(), Child.class, options, signal));
        return Jvm.run(builder);
    }

    /** Asks for the signal, sends it to itself if it is to arrive, and waits for it. */
    static final class Child {
        private Child() {}

        public static void main(String[] args) throws IOException, InterruptedException {
            var arrived = new CountDownLatch(1);
            var registration = Signals.on(args[0], arrived::countDown);
            System.out.println(
                    registration.outcome() + " " + registration.isEffective() + " " + registration.explanation());
            if (registration.outcome() == Signals.Outcome.REFUSED) return;
            var kill = List.of("/bin/sh", "-c", "kill -" + args[0] + " $PPID");
            new ProcessBuilder(kill).inheritIO().start().waitFor();
            if (registration.isEffective() && arrived.await(30, TimeUnit.SECONDS)) System.out.println("arrived");
        }
    }
}
