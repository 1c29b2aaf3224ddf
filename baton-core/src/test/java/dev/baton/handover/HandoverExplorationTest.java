package dev.baton.handover;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every interleaving of everything that can happen to the processes of a handover, up to a number of faults and of restarts
 * asked for, breadth first: the first story found that breaks a promise is a shortest one, and is told as a numbered list.
 *
 * <p>What a fault is, see {@link World}: a process killed, stopped, suspended or lying, a link cut, a server that fails or
 * hangs. What is no fault may happen at any time in any number: packets, answers of servers, the passing of each limit that
 * runs. From each state that is reached, it is also followed what becomes of it when no more faults come: it must come to
 * rest.
 */
@Timeout(120)
class HandoverExplorationTest {
    private static final int MOST_STEPS_TO_REST = 400;

    @Test
    void shouldKeepEveryPromiseWithTwoFaultsInOneHandover() {
        explore(new World.Budget(2, 1, 2));
    }

    @Test
    void shouldKeepEveryPromiseWithOneFaultAndAnotherAskedForMeanwhile() {
        explore(new World.Budget(1, 2, 2));
    }

    @Test
    void shouldKeepEveryPromiseWithThreeAskersAndNoFault() {
        explore(new World.Budget(0, 3, 3));
    }

    /** Some minutes: with {@code -Dbaton.explore=deep}. */
    @ParameterizedTest
    @CsvSource({"3, 1, 2", "2, 2, 2", "1, 3, 3"})
    @EnabledIfSystemProperty(named = "baton.explore", matches = "deep")
    @Timeout(1200)
    void shouldKeepEveryPromiseFurtherOut(int faults, int asks, int starts) {
        explore(new World.Budget(faults, asks, starts));
    }

    private record Node(@Nullable Node parent, String happened) {}

    private record Open(World world, Node node) {}

    private static void explore(World.Budget budget) {
        var seen = new HashSet<Long>();
        var atRest = new HashSet<Long>();
        var open = new ArrayDeque<Open>();
        var start = World.start(budget);
        seen.add(start.fingerprint());
        open.add(new Open(start, new Node(null, "generation 1 serves")));
        var rests = 0;
        while (!open.isEmpty()) {
            var now = open.removeFirst();
            var moves = now.world().moves();
            rests += moves.stream().allMatch(World.Move::isFault) ? 1 : 0;
            for (var move : moves) {
                var next = now.world().after(move);
                if (seen.add(next.fingerprint())) {
                    var node = new Node(now.node(), move.text());
                    check(next, node);
                    open.add(new Open(next, node));
                }
            }
            comesToRest(now, atRest);
        }
        System.out.printf("%s: %,d states, %,d at rest%n", budget, seen.size(), rests);
        assertThat(seen).hasSizeGreaterThan(1000);
    }

    /** Lets everything come to its end without another fault, along one way; others are explored by themselves. */
    private static void comesToRest(Open from, Set<Long> known) {
        var world = from.world();
        var node = from.node();
        for (var steps = 0; known.add(world.fingerprint()); steps++) {
            var next = world.moves().stream().filter(move -> !move.isFault()).findFirst();
            if (next.isEmpty()) {
                var broken = world.brokenAtRest();
                if (!broken.isEmpty()) {
                    throw new AssertionError(story(node, broken, world));
                }
                return;
            }
            world = world.after(next.get());
            node = new Node(node, next.get().text());
            if (steps > MOST_STEPS_TO_REST) {
                throw new AssertionError(story(node, List.of("every wait ends"), world));
            }
        }
    }

    private static void check(World world, Node node) {
        if (!world.broken().isEmpty()) {
            throw new AssertionError(story(node, world.broken(), world));
        }
    }

    private static String story(Node last, List<String> broken, World world) {
        var lines = new ArrayDeque<String>();
        for (@Nullable Node node = last; node != null; node = node.parent()) {
            lines.addFirst(node.happened());
        }
        var count = new int[1];
        return Stream.of(
                        Stream.of("", "Broken:"),
                        broken.stream().map(line -> "  " + line),
                        Stream.of("Story:"),
                        lines.stream().map(line -> "  " + ++count[0] + ". " + line),
                        Stream.of("State:", world.toString()))
                .flatMap(part -> part)
                .collect(Collectors.joining("\n"));
    }
}
