package dev.baton.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Calls are sent elsewhere, and nothing else is changed. */
class CallSitesTest {
    static final class Former {
        private Former() {}

        static String one() {
            return "former one";
        }

        static String two(long wide) {
            return "former two " + wide;
        }
    }

    static final class Latter {
        private Latter() {}

        static String one() {
            return "latter one";
        }
    }

    static final class Caller {
        private Caller() {}

        static String call() {
            return Former.one() + ", " + Former.two(1L << 40);
        }
    }

    interface FormerKind {
        static String one() {
            return "former one";
        }
    }

    static final class CallerOfAnInterface {
        private CallerOfAnInterface() {}

        static String call() {
            return FormerKind.one();
        }
    }

    private static String internal(Class<?> type) {
        return type.getName().replace('.', '/');
    }

    static byte[] classFile() throws IOException {
        return classFile(Caller.class);
    }

    private static byte[] classFile(Class<?> type) throws IOException {
        try (var in = type.getResourceAsStream("CallSitesTest$" + type.getSimpleName() + ".class")) {
            return java.util.Objects.requireNonNull(in).readAllBytes();
        }
    }

    private static Object called(byte[] classFile) throws ReflectiveOperationException {
        var call = MethodHandles.lookup()
                .defineHiddenClass(classFile, false)
                .lookupClass()
                .getDeclaredMethod("call");
        call.setAccessible(true);
        return call.invoke(null);
    }

    @Test
    void shouldSendTheCallsOfTheNamedMethodsElsewhere() throws Exception {
        var redirected = CallSites.redirect(classFile(), internal(Former.class), Set.of("one"), internal(Latter.class));

        assertThat(called(redirected)).isEqualTo("latter one, former two 1099511627776");
    }

    @Test
    void shouldSendTheCallsOfAnInterfaceToAClass() throws Exception {
        var classFile = classFile(CallerOfAnInterface.class);

        var redirected =
                CallSites.redirect(classFile, internal(FormerKind.class), Set.of("one"), internal(Latter.class));

        assertThat(called(redirected)).isEqualTo("latter one");
    }

    @Test
    void shouldInsistOnEachMethodWhereAllAreWanted() throws Exception {
        var all = Set.of("one()Ljava/lang/String;", "two(J)Ljava/lang/String;");

        assertThat(CallSites.redirectAll(classFile(), internal(Former.class), all, internal(Latter.class)))
                .isNotEmpty();
        assertThatThrownBy(() -> CallSites.redirectAll(
                        classFile(), internal(Former.class), Set.of("one", "three()V"), internal(Latter.class)))
                .hasMessageContaining("[three()V]");
    }

    @Test
    void shouldGiveAClassAnotherName() throws Exception {
        var name = CallSitesTest.class.getPackageName() + ".Renamed";

        var renamed = MethodHandles.lookup().defineClass(CallSites.rename(classFile(), name.replace('.', '/')));

        assertThat(renamed.getName()).isEqualTo(name);
        var call = renamed.getDeclaredMethod("call");
        call.setAccessible(true);
        assertThat(call.invoke(null)).isEqualTo("former one, former two 1099511627776");
    }

    @Test
    void shouldRefuseAClassThatMakesNoSuchCall() throws Exception {
        var classFile = classFile();

        assertThatThrownBy(() ->
                        CallSites.redirect(classFile, internal(Former.class), Set.of("three"), internal(Latter.class)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("three");
    }

    @Test
    void shouldRefuseWhatIsNoClassFile() {
        assertThatThrownBy(() -> CallSites.redirect(new byte[20], "a", Set.of("b"), "c"))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
