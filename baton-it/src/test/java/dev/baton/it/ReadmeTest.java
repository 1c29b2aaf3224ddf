package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The text says what is there: programs as they are compiled, links that lead somewhere. */
class ReadmeTest {
    private static final Path ROOT = Path.of("..");
    private static final Path EXAMPLES = ROOT.resolve("examples/src/main/java/dev/baton/examples");
    private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern PROGRAM = Pattern.compile("^(?:public )?(?:final )?class (\\w+)", Pattern.MULTILINE);
    private static final Pattern LINK = Pattern.compile("\\]\\(([^):#]+)(?:#[^)]*)?\\)");

    static Stream<Path> pages() throws IOException {
        try (var docs = Files.list(ROOT.resolve("docs"))) {
            var pages = docs.filter(page -> page.toString().endsWith(".md")).toList();
            return Stream.concat(Stream.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")), pages.stream());
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    void shouldShowProgramsAsTheyAreCompiled(Path page) throws IOException {
        for (var program : programs(page)) {
            var name = PROGRAM.matcher(program);
            assertThat(name.find()).as("a class in %s of %s", program, page).isTrue();
            assertThat(program)
                    .as("%s in %s", name.group(1), page)
                    .isEqualTo(Files.readString(EXAMPLES.resolve(name.group(1) + ".java")));
        }
    }

    @Test
    void shouldShowTheTwoProgramsOfTheFiveMinutes() throws IOException {
        assertThat(programs(ROOT.resolve("README.md"))).hasSize(2);
    }

    @ParameterizedTest
    @MethodSource("pages")
    void shouldLinkToFilesThatExist(Path page) throws IOException {
        var links = LINK.matcher(Files.readString(page)).results().map(link -> link.group(1));

        assertThat(links)
                .allSatisfy(link -> assertThat(page.resolveSibling(link)).exists());
    }

    /** Whole programs only; what does not begin with a package is a piece to look at. */
    private static List<String> programs(Path page) throws IOException {
        return JAVA.matcher(Files.readString(page))
                .results()
                .map((MatchResult block) -> block.group(1))
                .filter(block -> block.startsWith("package "))
                .toList();
    }
}
