package dev.baton.examples.servers;

import dev.baton.examples.servers.Clients.Seen;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The table in {@code docs/servers.md}: a row of each server, from the latest run of each. */
final class Table {
    private static final Path ROWS = Path.of("target/rows");
    private static final Path DOCUMENT = Path.of("../../../docs/servers.md");
    private static final String BEGIN = "<!-- The table is written by ServersIT. -->\n";
    private static final String END = "<!-- End of the table. -->\n";
    private static final String HEAD = """
            | server | calls by | restarts | requests | new connections failed | in flight lost | crossed a close \
            | closed in use: announced, silently | silent connections kept |
            |---|---|---|---|---|---|---|---|---|
            """;

    private Table() {}

    /** Leaves the row of a server that was restarted. */
    static void leave(Server server, int restarts, Seen seen) throws IOException {
        var connections = server == Server.GRPC
                ? "not counted | not counted"
                : String.format(
                        Locale.ROOT,
                        "%,d, %,d | %,d of %,d",
                        seen.noticed(),
                        seen.unnoticed(),
                        seen.kept(),
                        seen.silent());
        keep(
                server,
                String.format(
                        Locale.ROOT,
                        "%d | %,d | %d | %d | %d | %s",
                        restarts,
                        seen.requests(),
                        seen.failedNew(),
                        seen.lostInFlight(),
                        seen.crossed(),
                        connections));
    }

    /** Leaves the row of a server whose restart is refused. */
    static void leave(Server server, String refusal) throws IOException {
        keep(server, "refused: " + refusal + " | | | | | | ");
    }

    private static void keep(Server server, String cells) throws IOException {
        Files.createDirectories(ROWS);
        Files.writeString(ROWS.resolve(server.name()), "| " + name(server) + " | " + cells + " |\n");
    }

    /** {@return how the row of each server begins} */
    static List<String> beginnings() {
        return Arrays.stream(Server.values())
                .map(server -> "| " + name(server) + " | ")
                .toList();
    }

    static String document() throws IOException {
        return Files.readString(DOCUMENT);
    }

    /** Puts the rows that were left into the document, and says which servers left none. */
    static void write() throws IOException {
        var table = new StringBuilder(HEAD);
        for (var server : Server.values()) {
            var row = ROWS.resolve(server.name());
            table.append(
                    Files.exists(row)
                            ? Files.readString(row)
                            : "| " + name(server) + " | none in this run | | | | | | |\n");
        }
        var old = document();
        Files.writeString(
                DOCUMENT,
                old.substring(0, old.indexOf(BEGIN) + BEGIN.length()) + table + old.substring(old.indexOf(END)));
    }

    private static String name(Server server) {
        return server.title() + " | " + server.transport();
    }
}
