package dev.ablation.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonParser;
import dev.ablation.benchmarks.LargestCosts.Cost;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LargestCostsTest {
  /** Two repetitions: a calls b twice and d is within the second b; then c alone. */
  private static final String TRACE =
      """
      [{"name": "a", "ts": 0, "dur": 1000},
       {"name": "b", "ts": 100, "dur": 200},
       {"name": "b", "ts": 300, "dur": 400},
       {"name": "d", "ts": 350, "dur": 100},
       {"name": "c", "ts": 2000, "dur": 500},
       {"name": "mark", "ts": 2100}]
      """;

  private final Map<String, Cost> costs =
      LargestCosts.costs(JsonParser.parseString(TRACE).getAsJsonArray(), 4, 2);

  @Test
  void anOperationCostsWhatItDoesNotCall() {
    assertThat(costs.get("a").milliseconds()).isCloseTo(0.4 / 2, within(1e-9));
    assertThat(costs.get("b").milliseconds()).isCloseTo(0.5 / 2, within(1e-9));
    assertThat(costs.get("d").milliseconds()).isCloseTo(0.1 / 2, within(1e-9));
    assertThat(costs.get("b").calls()).isEqualTo(1);
    assertThat(costs.get("outside of operations").milliseconds())
        .as("4 ms in all, 1.5 within")
        .isCloseTo(2.5 / 2, within(1e-9));
    assertThat(costs.values().stream().mapToDouble(Cost::milliseconds).sum())
        .isCloseTo(2, within(1e-9));
  }

  @Test
  void aTableHasTheLargestFirst() {
    assertThat(LargestCosts.table(costs, Map.of()).lines())
        .startsWith(
            "| cost | calls | ms | share |",
            "| --- | ---: | ---: | ---: |",
            "| `outside of operations` | 0 | 1.3 | 63 % |",
            "| `b` | 1 | 0.3 | 13 % |");
    assertThat(LargestCosts.table(costs, Map.of("b", new Cost(7, 3)))).contains("| 7 | 3.0 |");
  }
}
