package dev.ablation.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringReader;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class PlotTest {
  @Test
  void bothLinesLieOnTheAxes() throws Exception {
    String svg =
        Plot.svg(
            List.of(
                new Plot.Panel(
                    "step, time",
                    "images",
                    List.of(1.0, 10.0, 100.0),
                    List.of(0.1, 1.0, 10.0),
                    List.of(10.0, 1.0, 0.1)),
                new Plot.Panel(
                    "other", "sides", List.of(16.0, 32.0), List.of(3.0, 3.0), List.of(2.0, 2.0))));
    Document document =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(svg)));
    NodeList lines = document.getElementsByTagName("polyline");
    assertThat(lines.getLength()).isEqualTo(4);
    assertThat(lines.item(0).getAttributes().getNamedItem("points").getTextContent())
        .isEqualTo("60.0,260.0 170.0,150.0 280.0,40.0");
    assertThat(lines.item(1).getAttributes().getNamedItem("points").getTextContent())
        .isEqualTo("60.0,40.0 170.0,150.0 280.0,260.0");
    assertThat(document.getElementsByTagName("circle").getLength()).isEqualTo(10);
  }
}
