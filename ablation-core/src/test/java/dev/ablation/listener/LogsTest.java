package dev.ablation.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.AnchorsProgressed;
import dev.ablation.event.AblationEvent.CheckpointSaved;
import dev.ablation.event.AblationEvent.Completed;
import dev.ablation.event.AblationEvent.EarlyStopped;
import dev.ablation.event.AblationEvent.EvaluationProgressed;
import dev.ablation.event.AblationEvent.Failed;
import dev.ablation.event.AblationEvent.Measured;
import dev.ablation.event.AblationEvent.Resumed;
import dev.ablation.event.AblationEvent.SamplesDrawn;
import dev.ablation.event.AblationEvent.Started;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.event.AblationEvent.Warning;
import dev.ablation.event.AblationListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class LogsTest {
  private static final String HEADER = "run,step,steps,loss,gradient_norm,learning_rate,seconds";
  private static final Started STARTED = new Started(List.of("grumpy cat"), List.of("cat"), 4, 9);

  @TempDir Path folder;

  private static StepCompleted step(int step) {
    return new StepCompleted(step, 9, 0.5 / step, 1.25, 1.6e-5, Duration.ofMillis(1500L * step));
  }

  private static Resumed resumed(int step) {
    return new Resumed(step, Path.of("checkpoint"));
  }

  private static void tell(AblationListener log, AblationEvent... events) {
    for (AblationEvent event : events) {
      log.on(event);
    }
  }

  // CSV

  @Test
  void csvHasALineAStep() throws IOException {
    Path file = folder.resolve("made").resolve("steps.csv");
    CsvLog log = CsvLog.to(file);
    tell(log, new Warning("long"), STARTED, new AnchorsProgressed(1, 2, false), step(1));
    assertThat(file).as("at once").content().isEqualTo(HEADER + "\n1,1,9,0.5,1.25,1.6E-5,1.500\n");
    tell(log, step(2), new Completed(2, Duration.ZERO));
    assertThat(Files.readAllLines(file))
        .hasSize(3)
        .last()
        .isEqualTo("1,2,9,0.25,1.25,1.6E-5,3.000");
  }

  @Test
  void csvGoesOnWithoutDuplicates() throws IOException {
    Path file = folder.resolve("steps.csv");
    tell(CsvLog.to(file), STARTED, step(1), step(2), step(3)); // killed
    Files.writeString(file, "1,4,9,0.1", StandardOpenOption.APPEND); // within a line
    tell(CsvLog.to(file), STARTED, resumed(1), step(2), step(3), step(4), step(5));
    assertThat(steps(file)).containsExactly("1,1", "1,2", "1,3", "1,4", "1,5");
    assertThat(Files.readString(file)).endsWith("\n");
  }

  @Test
  void csvCountsRuns() throws IOException {
    Path file = folder.resolve("steps.csv");
    CsvLog log = CsvLog.to(file);
    tell(log, STARTED, step(1), step(2), new Failed(new IllegalStateException()));
    tell(log, STARTED, step(1), new Completed(1, Duration.ZERO));
    tell(CsvLog.to(file), STARTED, step(1), step(2));
    tell(CsvLog.to(file), STARTED, resumed(0), step(1), step(2), step(3));
    assertThat(steps(file)).containsExactly("1,1", "1,2", "2,1", "3,1", "3,2", "3,3");
  }

  @Test
  void csvBeginsWhereAResumedRunHasNoLog() throws IOException {
    Path file = folder.resolve("steps.csv");
    tell(CsvLog.to(file), STARTED, resumed(4), step(5), step(6));
    assertThat(steps(file)).containsExactly("1,5", "1,6");
  }

  private static List<String> steps(Path csv) throws IOException {
    return Files.readAllLines(csv).stream()
        .skip(1)
        .map(line -> line.substring(0, line.indexOf(',', line.indexOf(',') + 1)))
        .toList();
  }

  @TestFactory
  Stream<DynamicTest> filesOfAnotherKindAreRefused() {
    return Stream.of("notes\n", HEADER + "\nnotes\n")
        .map(text ->
            DynamicTest.dynamicTest(
                text,
                () -> {
                  Path file = Files.writeString(folder.resolve("file"), text);
                  assertThatThrownBy(() -> tell(CsvLog.to(file), STARTED))
                      .isInstanceOf(UncheckedIOException.class)
                      .hasMessageContaining(file.toString())
                      .hasMessageContaining("notes");
                  assertThatThrownBy(() -> tell(JsonLinesLog.to(file), STARTED))
                      .isInstanceOf(UncheckedIOException.class)
                      .hasMessageContaining(file.toString());
                  assertThat(file).content().isEqualTo(text);
                }));
  }

  // JSON Lines

  private static List<JsonObject> lines(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .map(line -> JsonParser.parseString(line).getAsJsonObject())
        .toList();
  }

  @Test
  void jsonHasEveryEvent() throws IOException {
    Path file = folder.resolve("made").resolve("log.jsonl");
    tell(
        JsonLinesLog.to(file),
        new Warning("a \"long\" prompt"),
        STARTED,
        resumed(0),
        new AnchorsProgressed(1, 2, true),
        step(1),
        new Measured(1, "score", Double.NaN),
        new SamplesDrawn(1, List.of(Path.of("a.png"), Path.of("b.png"))),
        new CheckpointSaved(1, Path.of("c")),
        new EarlyStopped(1, 1, "enough"),
        new EvaluationProgressed("evaluation of cat", 2, 4),
        new Failed(new IllegalStateException("disk full")));
    List<JsonObject> lines = lines(file);
    assertThat(lines).hasSize(11).allMatch(line -> line.has("time"));
    lines.forEach(line -> line.remove("time"));
    assertThat(lines)
        .extracting(JsonObject::toString)
        .containsExactly(
            "{\"event\":\"Warning\",\"message\":\"a \\\"long\\\" prompt\"}",
            "{\"event\":\"Started\",\"targets\":[\"grumpy cat\"],\"anchors\":[\"cat\"],\"anchorImages\":4,\"steps\":9}",
            "{\"event\":\"Resumed\",\"step\":0,\"checkpoint\":\"checkpoint\"}",
            "{\"event\":\"AnchorsProgressed\",\"done\":1,\"total\":2,\"fromCache\":true}",
            "{\"event\":\"StepCompleted\",\"step\":1,\"steps\":9,\"loss\":0.5,\"gradientNorm\":1.25,\"learningRate\":1.6E-5,\"elapsed\":1.5}",
            "{\"event\":\"Measured\",\"step\":1,\"name\":\"score\",\"value\":\"NaN\"}",
            "{\"event\":\"SamplesDrawn\",\"step\":1,\"files\":[\"a.png\",\"b.png\"]}",
            "{\"event\":\"CheckpointSaved\",\"step\":1,\"checkpoint\":\"c\"}",
            "{\"event\":\"EarlyStopped\",\"step\":1,\"resultStep\":1,\"reason\":\"enough\"}",
            "{\"event\":\"EvaluationProgressed\",\"task\":\"evaluation of cat\",\"done\":2,\"total\":4}",
            "{\"event\":\"Failed\",\"error\":\"java.lang.IllegalStateException: disk full\"}");
  }

  @Test
  void jsonGoesOnWithoutDuplicates() throws IOException {
    Path file = folder.resolve("log.jsonl");
    tell(
        JsonLinesLog.to(file),
        STARTED,
        step(1),
        new Measured(1, "a", 1),
        new Measured(1, "b", 1),
        new CheckpointSaved(1, Path.of("c")),
        step(2)); // killed
    Files.writeString(file, "{\"event\":\"Mea", StandardOpenOption.APPEND); // within a line
    tell(
        JsonLinesLog.to(file),
        STARTED,
        resumed(0),
        step(1),
        new Measured(1, "a", 1),
        new Measured(1, "b", 1),
        step(2),
        new Measured(2, "a", 1),
        step(3),
        new Completed(3, Duration.ZERO));
    assertThat(lines(file))
        .extracting(
            line -> line.get("event").getAsString() + " " + line.get("step") + line.get("name"))
        .containsExactly(
            "Started nullnull",
            "StepCompleted 1null",
            "Measured 1\"a\"",
            "Measured 1\"b\"",
            "CheckpointSaved 1null",
            "StepCompleted 2null",
            "Started nullnull",
            "Resumed 0null",
            "Measured 2\"a\"",
            "StepCompleted 3null",
            "Completed nullnull");
  }

  @Test
  void jsonOfAnotherRunIsWrittenWhole() throws IOException {
    Path file = folder.resolve("log.jsonl");
    JsonLinesLog log = JsonLinesLog.to(file);
    tell(log, STARTED, step(1), step(2), new Completed(2, Duration.ZERO));
    tell(log, STARTED, step(1), step(2));
    tell(JsonLinesLog.to(file), STARTED, resumed(1), step(2), step(3));
    assertThat(lines(file))
        .filteredOn(line -> line.get("event").getAsString().equals("StepCompleted"))
        .extracting(line -> line.get("step").getAsInt())
        .containsExactly(1, 2, 1, 2, 3);
  }

  @Test
  void anInterruptDoesNotCloseALog() throws IOException {
    Path csv = folder.resolve("steps.csv");
    Path json = folder.resolve("log.jsonl");
    CsvLog csvLog = CsvLog.to(csv);
    JsonLinesLog jsonLog = JsonLinesLog.to(json);
    tell(csvLog, STARTED, step(1));
    tell(jsonLog, STARTED, step(1));
    Thread.currentThread().interrupt();
    tell(csvLog, step(2), new Failed(new IllegalStateException("cancelled")));
    tell(jsonLog, step(2), new Failed(new IllegalStateException("cancelled")));
    assertThat(Thread.interrupted()).isTrue();
    assertThat(steps(csv)).hasSize(2);
    assertThat(lines(json)).hasSize(4);
  }
}
