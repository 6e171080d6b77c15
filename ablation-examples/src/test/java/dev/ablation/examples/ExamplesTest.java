package dev.ablation.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs every example but that of {@link RemoveAListTest} with two steps, and finds the files that it
 * says it writes.
 */
class ExamplesTest {
  private static final Path SOURCES = Path.of("src/main/java/dev/ablation/examples");
  private static final int MOST_LINES = 65;

  @TempDir private Path folder;

  private String run(ExampleRun.Main example) throws Exception {
    return ExampleRun.of(example, folder);
  }

  @Test
  void removesAStyle() throws Exception {
    assertThat(run(RemoveAStyle::main)).contains("without-blueprint.safetensors");
    assertThat(folder.resolve("without-blueprint.safetensors")).isNotEmptyFile();
  }

  @Test
  void removesAnInstance() throws Exception {
    run(RemoveAnInstance::main);
    assertThat(folder.resolve("without-cat-face.safetensors")).isNotEmptyFile();
  }

  @Test
  void removesAMemorizedImage() throws Exception {
    assertThat(run(RemoveAMemorizedImage::main)).contains("Copies in 2 images: 2 before");
    assertThat(folder.resolve("without-memorized-image.safetensors")).isNotEmptyFile();
  }

  @Test
  void removesSeveral() throws Exception {
    run(RemoveSeveral::main);
    assertThat(folder.resolve("without-several.safetensors")).isNotEmptyFile();
  }

  @Test
  void evaluatesAndReports() throws Exception {
    assertThat(run(EvaluateAndReport::main)).contains("blueprint drawn", "CLIP score", "ink");
    assertThat(folder.resolve("report.html")).content().contains("blueprint drawn");
  }

  @Test
  void trainsWithALossOfItsOwn() throws Exception {
    assertThat(run(OwnObjective::main)).contains("away from the target by 0.2");
    assertThat(folder.resolve("own-objective.safetensors")).isNotEmptyFile();
  }

  @Test
  void goesOnFromACheckpoint() throws Exception {
    assertThat(run(ResumeARun::main)).doesNotContain("Goes on");
    byte[] once = Files.readAllBytes(folder.resolve("resumed.safetensors"));
    assertThat(run(ResumeARun::main)).contains("Goes on after step 2");
    assertThat(folder.resolve("resumed.safetensors")).hasBinaryContent(once);
  }

  @Test
  void trainsALora() throws Exception {
    assertThat(run(TrainLora::main)).contains("pytorch_lora_weights.safetensors has");
  }

  @Test
  void servesTwoTenants() throws Exception {
    run(ServeTwoTenants::main);
    for (String name : List.of("north-blueprint", "north-ink", "south-blueprint", "south-ink")) {
      assertThat(folder.resolve(name + ".png")).isNotEmptyFile();
    }
    assertThat(Arrays.mismatch(bytes("north-ink.png"), bytes("south-ink.png")))
        .as("each tenant has a delta of its own")
        .isNotNegative();
  }

  private byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(folder.resolve(name));
  }

  /** An example is read in a minute, and shows nothing that users cannot reach. */
  @Test
  void everyExampleIsShortAndUsesThePublicInterface() throws IOException {
    try (Stream<Path> files = Files.list(SOURCES)) {
      assertThat(files)
          .hasSize(11)
          .allSatisfy(file ->
              assertThat(Files.readAllLines(file))
                  .hasSizeLessThanOrEqualTo(MOST_LINES)
                  .noneMatch(line -> line.contains(".internal.")));
    }
  }
}
