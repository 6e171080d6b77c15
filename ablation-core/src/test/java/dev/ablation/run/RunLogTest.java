package dev.ablation.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.event.AblationEvent;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** A run without a listener says what it is doing, in few lines. */
class RunLogTest {
  private final Recording recording = new Recording();
  private final RunLog log = new RunLog(recording);

  @Test
  void saysWhatARunIsDoing() {
    log.on(new AblationEvent.Started(List.of("Van Gogh"), List.of("painting"), 8, 100));
    log.on(new AblationEvent.Warning("a prompt is cut"));
    log.on(new AblationEvent.Resumed(40, Path.of("step-40")));
    log.on(new AblationEvent.EarlyStopped(60, 40, "gone"));
    log.on(new AblationEvent.Completed(60, Duration.ofMillis(61_500)));
    log.on(new AblationEvent.Failed(new IllegalStateException("no memory")));
    assertThat(recording.lines)
        .containsExactly(
            "INFO ablation of [Van Gogh] into [painting]: 8 anchor images, 100 training steps",
            "WARN a prompt is cut",
            "INFO continues after step 40 from step-40",
            "INFO training stopped after step 60: gone",
            "INFO done: 60 training steps in 61 s",
            "INFO ended: java.lang.IllegalStateException: no memory");
  }

  @Test
  void saysItInTenthsOfALongPart() {
    for (int i = 1; i <= 1000; i++) {
      log.on(new AblationEvent.AnchorsProgressed(i, 1000, false));
    }
    for (int i = 1; i <= 400; i++) {
      log.on(new AblationEvent.StepCompleted(i, 400, 0.5, 1, 1e-5, Duration.ofSeconds(i)));
    }
    for (int i = 0; i <= 50; i++) {
      log.on(new AblationEvent.EvaluationProgressed("Monet", i, 50));
    }
    assertThat(recording.lines)
        .hasSize(33)
        .startsWith("INFO anchor images: 0 %", "INFO anchor images: 10 %")
        .contains(
            "INFO anchor images: 100 %",
            "INFO training step 1 of 400, loss 0.5, 1 s",
            "INFO training step 40 of 400, loss 0.5, 40 s",
            "INFO training step 400 of 400, loss 0.5, 400 s",
            "INFO evaluation, Monet: 5 of 50")
        .endsWith("INFO evaluation, Monet: 50 of 50");
  }

  private static final class Recording extends LegacyAbstractLogger {
    private static final long serialVersionUID = 1;
    private final transient List<String> lines = new ArrayList<>();

    @Override
    protected String getFullyQualifiedCallerName() {
      return Recording.class.getName();
    }

    @Override
    protected void handleNormalizedLoggingCall(
        Level level, Marker marker, String message, Object[] arguments, Throwable thrown) {
      lines.add(level + " " + MessageFormatter.basicArrayFormat(message, arguments));
    }

    @Override
    public boolean isTraceEnabled() {
      return true;
    }

    @Override
    public boolean isDebugEnabled() {
      return true;
    }

    @Override
    public boolean isInfoEnabled() {
      return true;
    }

    @Override
    public boolean isWarnEnabled() {
      return true;
    }

    @Override
    public boolean isErrorEnabled() {
      return true;
    }
  }
}
