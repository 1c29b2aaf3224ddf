package dev.baton.cli;

import dev.baton.BatonException;
import java.io.IOException;
import java.io.InputStream;
import java.util.logging.LogManager;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. */
@Command(
        name = "baton",
        description = "Restarts a JVM server without its clients noticing.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "1:not done: the handover was called off, or the demo lost a request",
            "2:wrong use of the command line",
            "3:nobody there: no such process, name or socket",
            "4:refused",
            "5:waited in vain"
        },
        subcommands = {
            Hello.class,
            Run.class,
            Restart.class,
            Status.class,
            Demo.class,
            Bench.class,
            WithoutBaton.class,
            CommandLine.HelpCommand.class
        })
final class Main implements Runnable {
    static final int NOT_DONE = 1;
    static final int NOBODY_THERE = 3;
    static final int REFUSED = 4;
    static final int IN_VAIN = 5;

    private Main() {}

    /** An expected end of a command: one line for the operator and an exit code. */
    static final class Refusal extends Exception {
        private static final long serialVersionUID = 1L;
        private final int exitCode;

        Refusal(int exitCode, String message) {
            super(message);
            this.exitCode = exitCode;
        }
    }

    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"baton " + number() + " on Java " + Runtime.version()};
        }

        static String number() {
            var version = Main.class.getPackage().getImplementationVersion();
            return version == null ? "development" : version;
        }
    }

    @CommandLine.Spec
    @SuppressWarnings("NullAway.Init")
    private CommandLine.Model.CommandSpec spec;

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "say what to do");
    }

    public static void main(String[] args) {
        logInOneLine();
        var commandLine = new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((e, command, parsed) -> {
                    var words = command.getErr();
                    switch (e) {
                        case Refusal refusal -> {
                            words.println("baton: " + refusal.getMessage());
                            return refusal.exitCode;
                        }
                        case BatonException known -> words.println("baton: " + known.getMessage());
                        default -> e.printStackTrace(words);
                    }
                    return NOT_DONE;
                });
        System.exit(commandLine.execute(args));
    }

    private static void logInOneLine() {
        if (System.getProperty("java.util.logging.config.file") == null) {
            try (InputStream settings = Main.class.getResourceAsStream("logging.properties")) {
                LogManager.getLogManager().readConfiguration(settings);
            } catch (IOException e) {
                throw new IllegalStateException("the settings of the log cannot be read", e);
            }
        }
    }
}
