package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.testing.TinyDiffusion;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AnchorBatchesTest {
  private static final int PICTURES = 7;

  private final DiffusionModel model = TinyDiffusion.open(1);
  private final NDManager scope = model.manager().newSubManager();
  private final AnchorSet anchors = anchors();

  @AfterEach
  void close() {
    model.close();
  }

  /** Picture i is the number i all over. */
  private AnchorSet anchors() {
    float[] values = new float[PICTURES * 3 * 4 * 6];
    for (int i = 0; i < values.length; i++) {
      values[i] = i / (3 * 4 * 6);
    }
    List<String> prompts = IntStream.range(0, PICTURES).mapToObj(i -> "cat number " + i).toList();
    return new AnchorSet(model.manager().create(values, new Shape(PICTURES, 3, 4, 6)), prompts);
  }

  private AnchorBatches batches(long seed) {
    return new AnchorBatches(
        model, anchors, Concept.instance("grumpy cat"), AnchorStrategy.generated("cat"), seed);
  }

  private static List<Integer> pictures(TrainingBatch batch) {
    List<Integer> pictures = new ArrayList<>();
    float[] values = batch.latents().toFloatArray();
    for (int row = 0; row < batch.size(); row++) {
      int picture = (int) values[row * 3 * 4 * 6];
      pictures.add(picture);
      assertThat(batch.anchorPrompts().get(row)).isEqualTo("cat number " + picture);
      assertThat(batch.targetPrompts().get(row)).isEqualTo("grumpy cat number " + picture);
    }
    return pictures;
  }

  @Test
  void takesEveryPictureOnceARound() {
    AnchorBatches batches = batches(3);
    List<Integer> taken = new ArrayList<>();
    for (int step = 1; step <= 3 * PICTURES; step++) {
      taken.addAll(pictures(batches.batch(step, 2, scope)));
    }
    List<List<Integer>> rounds = new ArrayList<>();
    for (int round = 0; round < 6; round++) {
      List<Integer> order = taken.subList(round * PICTURES, (round + 1) * PICTURES);
      assertThat(order).doesNotHaveDuplicates();
      rounds.add(order);
    }
    assertThat(rounds).as("each round has an order of its own").doesNotHaveDuplicates();
  }

  @Test
  void takesPicturesAgainWhereABatchIsLargerThanTheSet() {
    assertThat(pictures(batches(3).batch(1, 2 * PICTURES, scope)))
        .containsAll(IntStream.range(0, PICTURES).boxed().toList());
  }

  private static void assertSame(TrainingBatch one, TrainingBatch two) {
    assertThat(one.latents().toFloatArray()).isEqualTo(two.latents().toFloatArray());
    assertThat(one.noise().toFloatArray()).isEqualTo(two.noise().toFloatArray());
    assertThat(one.timesteps().toLongArray()).isEqualTo(two.timesteps().toLongArray());
    assertThat(one.anchorPrompts()).isEqualTo(two.anchorPrompts());
    assertThat(one.targetPrompts()).isEqualTo(two.targetPrompts());
  }

  @Test
  void aBatchDependsOnSeedAndStepAlone() {
    AnchorBatches used = batches(3);
    for (int step = 1; step < 5; step++) {
      used.batch(step, 4, scope);
      used.priorBatch(step, 4, scope);
    }
    assertSame(used.batch(5, 4, scope), batches(3).batch(5, 4, scope));
    assertSame(
        used.priorBatch(5, 4, scope).orElseThrow(),
        batches(3).priorBatch(5, 4, scope).orElseThrow());
  }

  @Test
  void otherSeedsStepsAndPurposesDrawOtherwise() {
    float[] noise = batches(3).batch(5, 4, scope).noise().toFloatArray();
    assertThat(batches(4).batch(5, 4, scope).noise().toFloatArray()).isNotEqualTo(noise);
    assertThat(batches(3).batch(6, 4, scope).noise().toFloatArray()).isNotEqualTo(noise);
    assertThat(batches(3).priorBatch(5, 4, scope).orElseThrow().noise().toFloatArray())
        .isNotEqualTo(noise);
  }

  @Test
  void timestepsAreThoseOfTheScheduleAndNoiseIsNormal() {
    List<Long> timesteps = new ArrayList<>();
    double sum = 0;
    double squares = 0;
    int count = 0;
    for (int step = 1; step <= 50; step++) {
      TrainingBatch batch = batches(3).batch(step, 20, scope);
      for (long timestep : batch.timesteps().toLongArray()) {
        timesteps.add(timestep);
      }
      for (float value : batch.noise().toFloatArray()) {
        sum += value;
        squares += value * value;
        count++;
      }
    }
    assertThat(timesteps).allMatch(t -> t >= 0 && t < model.schedule().steps());
    assertThat(timesteps.stream().distinct())
        .as("all of 100 in 1000 draws")
        .hasSizeGreaterThan(99 - 5);
    assertThat(Math.abs(sum / count)).isLessThan(5 / Math.sqrt(count));
    assertThat(Math.abs(squares / count - 1)).isLessThan(5 * Math.sqrt(2.0 / count));
  }

  @Test
  void itsArraysBelongToTheStep() {
    int before = model.manager().getManagedArrays().size();
    try (NDManager step = model.manager().newSubManager()) {
      TrainingBatch batch = batches(3).batch(1, 4, step);
      for (NDArray array : List.of(batch.latents(), batch.noise(), batch.timesteps())) {
        assertThat(array.getManager()).isSameAs(step);
      }
    }
    assertThat(model.manager().getManagedArrays()).hasSize(before);
  }
}
