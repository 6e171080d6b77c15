package dev.ablation.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.event.AblationEvent;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.helpers.MessageFormatter;

/** A run that nobody listens to says what it does, and not too often. */
class LoggedRunTest {
  private final List<String> lines = new ArrayList<>();

  private final Logger log =
      (Logger)
          Proxy.newProxyInstance(
              Logger.class.getClassLoader(),
              new Class<?>[] {Logger.class},
              (proxy, method, arguments) -> {
                Object[] values =
                    arguments.length == 2 && arguments[1] instanceof Object[] many
                        ? many
                        : Arrays.copyOfRange(arguments, 1, arguments.length);
                lines.add(MessageFormatter.arrayFormat((String) arguments[0], values).getMessage());
                return null;
              });

  @Test
  void saysWhatTheRunDoes() {
    LoggedRun run = new LoggedRun(log);
    run.on(new AblationEvent.Started(List.of("style 'ink'"), List.of("noto"), 64, 200));
    for (int i = 1; i <= 500; i++) {
      run.on(new AblationEvent.AnchorsProgressed(i, 500, false));
    }
    for (int i = 1; i <= 200; i++) {
      run.on(new AblationEvent.StepCompleted(i, 200, 0.5 / i, 1, 1e-3, Duration.ofSeconds(i)));
    }
    run.on(new AblationEvent.EvaluationProgressed("ink", 1, 1));
    run.on(new AblationEvent.Completed(200, Duration.ofSeconds(90)));
    assertThat(lines.get(0))
        .isEqualTo(
            "removes [style 'ink'], draws [noto] instead: 64 anchor images, 200 training steps");
    assertThat(lines)
        .contains(
            "anchor images: 100 %",
            "training step 1 of 200, loss 0.5000",
            "training step 200 of 200, loss 0.002500",
            "evaluation: 100 % (ink)",
            "done after 200 steps in 90 s")
        .hasSizeBetween(20, 26);
  }
}
