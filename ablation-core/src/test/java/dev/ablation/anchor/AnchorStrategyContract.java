package dev.ablation.anchor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.random.RandomStreams;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every strategy. */
abstract class AnchorStrategyContract {
  protected final DiffusionModel model = TinyDiffusion.open(1);

  @AfterEach
  void closeModel() {
    model.close();
  }

  /** Returns a strategy with few images. */
  protected abstract AnchorStrategy strategy() throws IOException;

  protected abstract Concept target();

  static Augmentation[] augmentations() {
    return new Augmentation[] {
      Augmentation.none(),
      Augmentation.diffusers(),
      Augmentation.diffusers().withoutScaling(),
      Augmentation.paper(),
      Augmentation.paper().withoutScaling()
    };
  }

  private int managed() {
    return model.manager().getManagedArrays().size();
  }

  @Test
  void everyPromptIsKnownBeforehandAndHasATargetPrompt() throws IOException {
    AnchorStrategy strategy = strategy();
    List<String> prompts = strategy.prompts(target());
    assertThat(prompts).isNotEmpty();
    assertThat(strategy().prompts(target())).isEqualTo(prompts);
    for (String prompt : prompts) {
      List<String> targetPrompts = strategy.targetPrompts(target(), prompt);
      assertThat(targetPrompts).isNotEmpty().doesNotHaveDuplicates().doesNotContain(prompt);
      for (int seed = 0; seed < 20; seed++) {
        RandomGenerator random = RandomStreams.stream(seed, "prompt", 0);
        assertThat(targetPrompts).contains(strategy.targetPrompt(target(), prompt, random));
      }
    }
    try (AnchorSet set = strategy.prepare(model, target(), new RecordingContext())) {
      assertThat(prompts).containsAll(set.prompts());
      assertThat(set.size()).isPositive().isLessThanOrEqualTo(strategy.images());
    }
  }

  @ParameterizedTest
  @MethodSource("augmentations")
  void drawsTheSameForASeedAndLeavesNoArrays(Augmentation augmentation) throws IOException {
    int before = managed();
    float[] first = drawn(augmentation, 7);
    assertThat(drawn(augmentation, 7)).isEqualTo(first);
    assertThat(drawn(augmentation, 8)).isNotEqualTo(first);
    assertThat(managed()).isEqualTo(before);
  }

  private float[] drawn(Augmentation augmentation, long seed) throws IOException {
    try (NDManager step = model.manager().newSubManager();
        AnchorSet set =
            strategy()
                .augmented(augmentation)
                .prepare(model, target(), new RecordingContext(seed))) {
      int last = set.size() - 1;
      AnchorBatch rows =
          set.draw(new int[] {last, 0, last}, RandomStreams.stream(seed, "rows", 1), step);
      assertThat(rows.size()).isEqualTo(3);
      assertThat(rows.latents().getShape()).isEqualTo(new Shape(3, 3, 4, 6));
      assertThat(rows.latents().getManager()).isSameAs(step);
      NDArray mask = rows.mask();
      if (mask != null) {
        assertThat(mask.getShape()).isEqualTo(new Shape(3, 1, 4, 6));
        assertThat(mask.getManager()).isSameAs(step);
        assertThat(mask.toFloatArray()).containsOnly(0, 1);
      }
      assertThat(rows.prefixes()).allMatch(prefix -> prefix.isEmpty() || prefix.endsWith(" "));
      AnchorBatch prior = set.drawPrior(new int[] {0}, RandomStreams.stream(seed, "rows", 2), step);
      assertThat(prior.latents().getShape()).isEqualTo(new Shape(1, 3, 4, 6));
      assertThat(prior.latents().getManager()).isSameAs(step);
      return rows.latents().toFloatArray();
    }
  }

  @Test
  void showsItsImagesAndDrawsPartsOfASet() throws IOException {
    LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
    int before = managed();
    try (NDManager step = model.manager().newSubManager()) {
      AnchorSet all = strategy().prepare(model, target(), new RecordingContext());
      AnchorSet other = strategy().prepare(model, target(), new RecordingContext(8));
      int last = all.size() - 1;
      RandomGenerator random = RandomStreams.stream(0, "rows", 0);
      float[] one = all.draw(new int[] {last}, random, step).latents().toFloatArray();
      BufferedImage image = all.image(last, codec);
      assertThat(image.getWidth()).isPositive();
      try (AnchorSet some = all.select(new int[] {last}).join(other)) {
        assertThat(some.size()).isEqualTo(1 + other.size());
        assertThat(some.prompts().get(0)).isEqualTo(all.prompts().get(last));
        assertThat(
                some.draw(new int[] {0}, RandomStreams.stream(0, "rows", 0), step)
                    .latents()
                    .toFloatArray())
            .isEqualTo(one);
        AnchorBatch both = some.draw(new int[] {0, 1}, random, step);
        assertThat(both.latents().getShape()).isEqualTo(new Shape(2, 3, 4, 6));
        assertThat(some.image(0, codec).getRGB(1, 1)).isEqualTo(image.getRGB(1, 1));
      }
    }
    assertThat(managed()).isEqualTo(before);
  }

  @Test
  void canBeCancelled() throws IOException {
    int before = managed();
    AnchorStrategy strategy = strategy();
    assertThatThrownBy(
            () -> strategy.prepare(model, target(), new RecordingContext().cancelledAfter(1)))
        .isInstanceOf(CancellationException.class);
    assertThat(managed()).isEqualTo(before);
  }

  @Test
  void aSampleHasFewerImagesOfTheSamePrompts() throws IOException {
    AnchorStrategy strategy = strategy();
    AnchorStrategy sample = strategy.sample(target(), 2);
    assertThat(sample.images()).isLessThanOrEqualTo(Math.max(2, strategy.images()));
    assertThat(strategy.prompts(target())).containsAll(sample.prompts(target()));
    try (AnchorSet set = sample.prepare(model, target(), new RecordingContext())) {
      assertThat(set.size()).isPositive();
    }
  }

  @Test
  void itsSettingsAreItsOwnAndNameTheAugmentation() throws IOException {
    AnchorStrategy strategy = strategy();
    assertThat(strategy.settings(target()))
        .containsEntry("anchor.name", strategy.name())
        .isEqualTo(strategy().settings(target()));
    assertThat(strategy.settings(target()).keySet()).allMatch(name -> name.startsWith("anchor."));
    assertThat(strategy.augmented(Augmentation.paper()).settings(target()))
        .containsAllEntriesOf(strategy.settings(target()))
        .containsEntry("anchor.augmentation", "paper");
  }
}
