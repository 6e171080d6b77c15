package dev.ablation.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.SamplesDrawn;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleImagesTest {
  private static final List<String> PROMPTS = List.of("a grumpy cat", "a dog");
  private static final SamplingSettings SAMPLING = SamplingSettings.defaults().steps(2);

  @TempDir Path temporary;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final List<AblationEvent> events = new ArrayList<>();

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(AnchorStrategy.generated("cat", List.of("a cat")).images(4).sampling(SAMPLING))
        .training(t -> t.steps(5).batchSize(2).learningRate(0.02))
        .listener(events::add);
  }

  private Path folder() {
    return temporary.resolve("images");
  }

  private SampleImages samples() {
    return SampleImages.in(folder(), PROMPTS).every(2).seed(9).sampling(SAMPLING);
  }

  private byte[] delta(Ablation plan) throws IOException {
    try (AblationResult result = plan.run()) {
      Path file = temporary.resolve("delta");
      Files.deleteIfExists(file);
      result.delta().save(file);
      return Files.readAllBytes(file);
    }
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder())) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private List<SamplesDrawn> drawn() {
    return events.stream()
        .filter(SamplesDrawn.class::isInstance)
        .map(SamplesDrawn.class::cast)
        .toList();
  }

  @Test
  void trainingIsNotDisturbed() throws IOException {
    int arrays = model.manager().getManagedArrays().size();
    assertThat(delta(plan().listener(samples().every(1)))).isEqualTo(delta(plan()));
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
  }

  @Test
  void drawsBeforeTheFirstStepAtEveryNthAndAfterTheLast() throws IOException {
    plan().listener(samples()).run().close();
    assertThat(drawn()).extracting(SamplesDrawn::step).containsExactly(0, 2, 4, 5);
    assertThat(files())
        .containsExactly(
            "step-000000-00.png",
            "step-000000-01.png",
            "step-000002-00.png",
            "step-000002-01.png",
            "step-000004-00.png",
            "step-000004-01.png",
            "step-000005-00.png",
            "step-000005-01.png");
    assertThat(drawn().get(1).files())
        .containsExactly(
            folder().resolve("step-000002-00.png"), folder().resolve("step-000002-01.png"));
  }

  @Test
  void theImagesAreThoseOfTheModelAtThatStep() throws IOException {
    plan().listener(samples()).run().close();
    LatentSampler sampler = LatentSampler.of(model).settings(SAMPLING);
    assertSame("step-000000-01.png", sampler.draw(PROMPTS, 9).get(1));
    try (AblationResult two = plan().training(t -> t.steps(2)).run()) {
      assertSame(
          "step-000002-01.png", two.delta().applied(model, () -> sampler.draw(PROMPTS, 9)).get(1));
    }
  }

  private void assertSame(String name, BufferedImage expected) throws IOException {
    BufferedImage image = ImageIO.read(folder().resolve(name).toFile());
    for (int y = 0; y < expected.getHeight(); y++) {
      for (int x = 0; x < expected.getWidth(); x++) {
        for (int shift = 0; shift < 24; shift += 8) {
          int one = image.getRGB(x, y) >> shift & 0xff;
          int two = expected.getRGB(x, y) >> shift & 0xff;
          assertThat(Math.abs(one - two)).as("%s at %s, %s", name, x, y).isLessThanOrEqualTo(1);
        }
      }
    }
  }

  @Test
  void aModelThatDrawsNoImagesIsTrainedWithoutThem() {
    model.without(LatentCodec.class);
    plan().listener(samples()).run().close();
    assertThat(drawn()).isEmpty();
    assertThat(events).filteredOn(StepCompleted.class::isInstance).hasSize(5);
  }

  @Test
  void anInterruptWhileDrawingCancelsTheRunAndDrawingIsRepeated() throws IOException {
    Checkpoints checkpoints = Checkpoints.in(temporary.resolve("run")).every(100);
    byte[] expected = delta(plan());
    Ablation interrupted =
        plan()
            .checkpoints(checkpoints)
            .listener(event -> {
              if (event instanceof StepCompleted step && step.step() == 2) {
                Thread.currentThread().interrupt();
              }
            })
            .listener(samples());
    assertThatExceptionOfType(CancellationException.class).isThrownBy(interrupted::run);
    assertThat(Thread.interrupted()).isTrue();
    events.clear();
    assertThat(delta(plan().checkpoints(checkpoints).listener(samples()))).isEqualTo(expected);
    assertThat(drawn()).extracting(SamplesDrawn::step).containsExactly(2, 4, 5);
  }

  @Test
  void refusesWrongSettingsAtTheCall() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SampleImages.in(folder(), List.of()))
        .withMessage("prompts must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> samples().every(0))
        .withMessage("everySteps must be positive, was 0");
  }
}
