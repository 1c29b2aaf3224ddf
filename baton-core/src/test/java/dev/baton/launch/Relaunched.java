package dev.baton.launch;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * A program that starts itself once more. The second generation prints its command line and its PATH in hexadecimal, its
 * directory and some variables. In between, the first does as the system property {@code first} says.
 */
final class Relaunched {
    private Relaunched() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        if (System.getenv("SECOND") != null) {
            print("cmdline", Files.readAllBytes(Path.of("/proc/self/cmdline")));
            print("environ", Files.readAllBytes(Path.of("/proc/self/environ")));
            System.out.println("cwd=" + Files.readSymbolicLink(Path.of("/proc/self/cwd")));
            System.out.println("pwd=" + System.getenv("PWD"));
            return;
        }
        LaunchSpec.ofThisProcess();
        var command = System.getProperty("first");
        if (command != null) {
            var shell = new ProcessBuilder("/bin/sh", "-c", command).inheritIO().start();
            if (shell.waitFor() != 0) throw new IOException(command);
        }
        try {
            var process = LaunchSpec.ofThisProcess()
                    .with("SECOND", "true")
                    .without("UNWANTED")
                    .start();
            System.exit(process.waitFor());
        } catch (IOException e) {
            System.out.println("error=" + e.getMessage());
        }
    }

    private static void print(String name, byte[] bytes) {
        System.out.println(name + "=" + HexFormat.of().formatHex(bytes));
    }

    static String decode(String hex) {
        return new String(HexFormat.of().parseHex(hex), StandardCharsets.ISO_8859_1);
    }
}
