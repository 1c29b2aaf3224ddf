package dev.baton.benchmarks;

import dev.baton.load.Tick;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Dimension;
import java.awt.Font;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.batik.svggen.SVGGeneratorContext;
import org.apache.batik.svggen.SVGGraphics2D;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.w3c.dom.Document;

/** Latency over time around the restarts of each peer, one field each, as SVG that follows the reader's light or dark page. */
final class Picture {
    private static final int COLUMNS = 3;
    private static final int WIDTH = 320;
    private static final int HEIGHT = 210;
    /** Pixels between two powers of ten, about. */
    private static final int DECADE = 24;

    // Of milliseconds, the powers of ten.
    private static final double LEAST = -1;
    private static final double MOST = 4.4;
    /** Where losses are marked: above what a latency reaches. */
    private static final double LOST_AT = 4.2;

    // As in the other pictures of the documentation.
    private static final Color PAGE = new Color(0xfefefe);
    private static final Color TEXT = new Color(0x1f2328);
    private static final Color GRID = new Color(0xd1d9e0);
    private static final Color MEDIAN = new Color(0x0550ae);
    private static final Color SLOWEST = new Color(0x80ccff);
    private static final Color TRIGGER = new Color(0x8250df);
    private static final Color LOST = new Color(0xcf222e);
    private static final List<String> DARK =
            List.of("0d1117", "f0f6fc", "3d444d", "79c0ff", "1f6feb", "ab7df8", "ff7b72");
    private static final List<Color> LIGHT = List.of(PAGE, TEXT, GRID, MEDIAN, SLOWEST, TRIGGER, LOST);

    private static final Pattern OUTLINE = Pattern.compile("<path d=\"([^\"]+)\" stroke=\"none\"\\s*/>");

    private Picture() {}

    static void write(Path file, List<Result> results, Duration window) throws IOException {
        int rows = (results.size() + COLUMNS - 1) / COLUMNS;
        var context = SVGGeneratorContext.createDefault(document());
        context.setPrecision(1);
        var graphics = new SVGGraphics2D(context, false);
        var size = new Dimension(COLUMNS * WIDTH, rows * HEIGHT);
        graphics.setSVGCanvasSize(size);
        graphics.setColor(PAGE);
        graphics.fillRect(0, 0, size.width, size.height);
        for (int i = 0; i < results.size(); i++) {
            var field = (SVGGraphics2D) graphics.create();
            field.translate(i % COLUMNS * WIDTH, i / COLUMNS * HEIGHT);
            chart(results.get(i), window).paint(field, WIDTH, HEIGHT);
            field.dispose();
        }
        var out = new StringWriter();
        graphics.stream(out, false);
        Files.writeString(file, themed(withoutRepetition(out.toString()), size));
    }

    private static Document document() {
        try {
            return DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .getDOMImplementation()
                    .createDocument("http://www.w3.org/2000/svg", "svg", null);
        } catch (ParserConfigurationException e) {
            throw new IllegalStateException("this Java makes no XML documents", e);
        }
    }

    private static XYChart chart(Result result, Duration window) {
        var chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(result.peer().name().replace("`", "") + " ("
                        + result.peer().id() + ")")
                .xAxisTitle("s")
                .yAxisTitle("ms")
                .build();
        var styler = chart.getStyler();
        styler.setChartBackgroundColor(PAGE);
        styler.setChartFontColor(TEXT);
        styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 10));
        styler.setChartTitleBoxVisible(false);
        styler.setChartPadding(6);
        styler.setLegendVisible(false);
        styler.setPlotBackgroundColor(PAGE);
        styler.setPlotBorderColor(GRID);
        styler.setPlotGridLinesColor(GRID);
        styler.setPlotGridVerticalLinesVisible(false);
        styler.setAxisTickLabelsColor(TEXT);
        styler.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 10));
        styler.setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 10));
        styler.setAxisTickMarksColor(GRID);
        styler.setXAxisMin(-Measurement.BEFORE.toSeconds() * 1.0);
        styler.setXAxisMax(window.toSeconds() * 1.0);
        styler.setXAxisDecimalPattern("0");
        // The axis is that of the logarithm, so that it has one line for each power of ten.
        styler.setYAxisMin(LEAST);
        styler.setYAxisMax(MOST);
        styler.setYAxisTickMarkSpacingHint(DECADE);
        styler.setyAxisTickLabelsFormattingFunction(
                log -> String.format(Locale.ROOT, log < 0 ? "%.1f" : "%,.0f", Math.pow(10, log)));
        draw(chart, result);
        return chart;
    }

    private static void draw(XYChart chart, Result result) {
        var slowest = new TreeMap<Double, List<Double>>();
        var lost = new ArrayList<Double>();
        result.restarts().flatMap(restart -> restart.timeline().stream()).forEach(tick -> {
            // Ticks are those of the load; to a tenth of a second the trigger is at zero.
            var at = Math.ceil(tick.at().toMillis() / (double) Tick.LENGTH.toMillis()) / 10;
            if (tick.slowest().isPositive()) {
                slowest.computeIfAbsent(at, _ -> new ArrayList<>())
                        .add(tick.slowest().toNanos() / 1e6);
            } else {
                slowest.computeIfAbsent(at, _ -> new ArrayList<>());
            }
            if (tick.lost() > 0) {
                lost.add(at);
            }
        });
        var times = new ArrayList<>(slowest.keySet());
        line(chart, "trigger", List.of(0.0, 0.0), List.of(LEAST, MOST), TRIGGER, 1);
        line(chart, "most", times, slowest.values().stream().map(Picture::most).toList(), SLOWEST, 1);
        line(
                chart,
                "median",
                times,
                slowest.values().stream().map(Picture::median).toList(),
                MEDIAN,
                1.5f);
        if (!lost.isEmpty()) {
            var marks = chart.addSeries(
                    "lost", lost, lost.stream().map(_ -> LOST_AT).toList());
            marks.setLineStyle(SeriesLines.NONE);
            marks.setMarker(SeriesMarkers.DIAMOND);
            marks.setMarkerColor(LOST);
        }
    }

    private static void line(XYChart chart, String name, List<Double> x, List<Double> y, Color color, float width) {
        if (y.stream().anyMatch(value -> !value.isNaN())) {
            var series = chart.addSeries(name, x, y);
            series.setMarker(SeriesMarkers.NONE);
            series.setLineColor(color);
            series.setLineStyle(new BasicStroke(width));
        }
    }

    private static double most(List<Double> values) {
        return values.stream().mapToDouble(Picture::logarithm).max().orElse(Double.NaN);
    }

    private static double median(List<Double> values) {
        var sorted = values.stream().map(Picture::logarithm).sorted().toList();
        return sorted.isEmpty() ? Double.NaN : sorted.get(sorted.size() / 2);
    }

    private static double logarithm(double ms) {
        return Math.clamp(Math.log10(ms), LEAST, LOST_AT);
    }

    /** Letters are written as outlines, and the same words stand on every axis. */
    private static String withoutRepetition(String svg) {
        var known = new HashMap<String, String>();
        return OUTLINE.matcher(svg).replaceAll(outline -> {
            var id = known.get(outline.group(1));
            if (id != null) {
                return "<use xlink:href=\"#" + id + "\"/>";
            }
            id = "o" + known.size();
            known.put(outline.group(1), id);
            return "<path id=\"" + id + "\" d=\"" + outline.group(1) + "\" stroke=\"none\"/>";
        });
    }

    /** Batik writes colours as attributes, over which rules of a style sheet take precedence. */
    private static String themed(String svg, Dimension size) {
        var style = new StringBuilder("<style>@media (prefers-color-scheme: dark) {");
        for (int i = 0; i < LIGHT.size(); i++) {
            var light = LIGHT.get(i);
            for (var attribute : List.of("fill", "stroke")) {
                style.append(" [%s=\"rgb(%d,%d,%d)\"]{%s:#%s}"
                        .formatted(
                                attribute, light.getRed(), light.getGreen(), light.getBlue(), attribute, DARK.get(i)));
            }
        }
        style.append(" }</style>");
        int head = svg.indexOf("<svg");
        int inside = svg.indexOf('>', head) + 1;
        return svg.substring(0, head)
                + svg.substring(head, inside - 1)
                + " viewBox=\"0 0 %d %d\" role=\"img\">".formatted(size.width, size.height)
                + style
                + svg.substring(inside);
    }
}
