package dev.ablation.run;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.random.RandomStreams;
import dev.ablation.testing.TinyDiffusion;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PairBatchSourceTest {
  private static final int IMAGES = 7;

  private final DiffusionModel model = TinyDiffusion.open(1);
  private final NDManager scope = model.manager().newSubManager();
  private final AnchorSet anchors = anchors();

  @AfterEach
  void close() {
    model.close();
  }

  /** Image i is the number i all over. */
  private AnchorSet anchors() {
    float[] values = new float[IMAGES * 3 * 4 * 6];
    for (int i = 0; i < values.length; i++) {
      values[i] = i / (3 * 4 * 6);
    }
    List<String> prompts = IntStream.range(0, IMAGES).mapToObj(i -> "cat number " + i).toList();
    return new AnchorSet(model.manager().create(values, new Shape(IMAGES, 3, 4, 6)), prompts);
  }

  private PairBatchSource batches(long seed) {
    return new PairBatchSource(
        List.of(new PairBatches(BatchChoices.of(model), anchors, pair(Set.of(), false), seed)));
  }

  private static ResolvedPair pair(Set<String> leftOut, boolean preserving, Concept... preserved) {
    TargetAnchor pair =
        new TargetAnchor(Concept.instance("grumpy cat"), AnchorStrategy.generated("cat"));
    return new ResolvedPair(pair, leftOut, List.of(preserved), preserving);
  }

  private static List<Integer> images(TrainingBatch batch) {
    List<Integer> images = new ArrayList<>();
    float[] values = batch.latents().toFloatArray();
    for (int row = 0; row < batch.size(); row++) {
      int image = (int) values[row * 3 * 4 * 6];
      images.add(image);
      assertThat(batch.anchorPrompts().get(row)).isEqualTo("cat number " + image);
      assertThat(batch.targetPrompts().get(row)).isEqualTo("grumpy cat number " + image);
    }
    return images;
  }

  @Test
  void takesEveryImageOnceARound() {
    PairBatchSource batches = batches(3);
    List<Integer> taken = new ArrayList<>();
    for (int step = 1; step <= 3 * IMAGES; step++) {
      taken.addAll(images(batches.batch(step, 2, scope)));
    }
    List<List<Integer>> rounds = new ArrayList<>();
    for (int round = 0; round < 6; round++) {
      List<Integer> order = taken.subList(round * IMAGES, (round + 1) * IMAGES);
      assertThat(order).doesNotHaveDuplicates();
      rounds.add(order);
    }
    assertThat(rounds).as("each round has an order of its own").doesNotHaveDuplicates();
  }

  @Test
  void takesImagesAgainWhereABatchIsLargerThanTheSet() {
    assertThat(images(batches(3).batch(1, 2 * IMAGES, scope)))
        .containsAll(IntStream.range(0, IMAGES).boxed().toList());
  }

  private static void assertSame(TrainingBatch one, TrainingBatch two) {
    assertThat(one.latents().toFloatArray()).isEqualTo(two.latents().toFloatArray());
    assertThat(one.noise().toFloatArray()).isEqualTo(two.noise().toFloatArray());
    assertThat(one.timesteps().toLongArray()).isEqualTo(two.timesteps().toLongArray());
    assertThat(one.anchorPrompts()).isEqualTo(two.anchorPrompts());
    assertThat(one.targetPrompts()).isEqualTo(two.targetPrompts());
  }

  /** A checkpoint of an earlier release must be continued with the same timesteps. */
  @Test
  void timestepsAreOneBoundedIntegerARow() {
    RandomGenerator random = RandomStreams.stream(3, "pairs", 5);
    long[] expected = IntStream.range(0, 6).mapToLong(i -> random.nextInt(100)).toArray();
    assertThat(batches(3).batch(5, 6, scope).timesteps().toLongArray()).isEqualTo(expected);
  }

  @Test
  void aBatchDependsOnSeedAndStepAlone() {
    PairBatchSource used = batches(3);
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

  // Streams of a single pair are the run's own; these numbers must never change.
  @Test
  void drawsTheSameInEveryVersion() {
    TrainingBatch batch = batches(3).batch(2, 4, scope);
    assertThat(batch.timesteps().toLongArray()).containsExactly(34, 90, 30, 68);
    assertThat(images(batch)).containsExactly(3, 5, 4, 3);
    assertThat(batch.noise().toFloatArray()[0]).isEqualTo(0.23530701f);
  }

  // Several pairs

  /** TargetAnchor i has the images {@code 10 i} and more. */
  private PairBatchSource several(int pairs) {
    List<PairBatches> parts = new ArrayList<>();
    for (int pair = 0; pair < pairs; pair++) {
      NDArray latents = anchors.latents().add(10 * pair);
      latents.attach(model.manager());
      parts.add(
          new PairBatches(
              BatchChoices.of(model),
              new AnchorSet(latents, anchors.prompts()),
              pair(Set.of(), false),
              pair));
    }
    return new PairBatchSource(parts);
  }

  private static List<Integer> pairsOf(TrainingBatch batch) {
    List<Integer> pairs = new ArrayList<>();
    float[] values = batch.latents().toFloatArray();
    for (int row = 0; row < batch.size(); row++) {
      pairs.add((int) values[row * 3 * 4 * 6] / 10);
    }
    return pairs;
  }

  @ParameterizedTest
  @CsvSource({"2,1", "2,3", "2,4", "3,1", "3,2", "3,3", "3,7", "5,2", "5,8"})
  void takesFromEveryPairInTurn(int pairs, int size) {
    PairBatchSource batches = several(pairs);
    List<Integer> taken = new ArrayList<>();
    int steps = 2 * pairs * IMAGES;
    for (int step = 1; step <= steps; step++) {
      TrainingBatch batch = batches.batch(step, size, scope);
      assertThat(batch.size()).isEqualTo(size);
      taken.addAll(pairsOf(batch));
      List<Long> counts = counts(taken, pairs);
      assertThat(Collections.max(counts) - Collections.min(counts)).isLessThanOrEqualTo(1);
    }
    assertThat(taken).hasSize(steps * size);
  }

  private static List<Long> counts(List<Integer> taken, int pairs) {
    return IntStream.range(0, pairs)
        .mapToObj(pair -> taken.stream().filter(other -> other == pair).count())
        .toList();
  }

  @Test
  void everyPairTakesEachOfItsImagesOnceARound() {
    PairBatchSource batches = several(3);
    Map<Integer, List<Integer>> taken = new TreeMap<>();
    for (int step = 1; step <= 3 * IMAGES; step++) {
      float[] values = batches.batch(step, 2, scope).latents().toFloatArray();
      for (int row = 0; row < 2; row++) {
        int image = (int) values[row * 3 * 4 * 6];
        taken.computeIfAbsent(image / 10, pair -> new ArrayList<>()).add(image);
      }
    }
    taken.forEach((pair, images) -> {
      assertThat(images).hasSize(2 * IMAGES);
      assertThat(images.subList(0, IMAGES)).doesNotHaveDuplicates();
      assertThat(images.subList(IMAGES, 2 * IMAGES)).doesNotHaveDuplicates();
    });
  }

  @Test
  void aJoinedBatchBelongsToTheStep() {
    PairBatchSource batches = several(3);
    int before = model.manager().getManagedArrays().size();
    try (NDManager step = model.manager().newSubManager()) {
      TrainingBatch batch = batches.batch(1, 5, step);
      assertThat(step.getManagedArrays()).hasSize(3);
      for (NDArray array : List.of(batch.latents(), batch.noise(), batch.timesteps())) {
        assertThat(array.getManager()).isSameAs(step);
      }
    }
    assertThat(model.manager().getManagedArrays()).hasSize(before);
  }

  @Test
  void imagesOfPromptsThatAreLeftOutAreNotTaken() {
    PairBatchSource batches =
        new PairBatchSource(
            List.of(
                new PairBatches(
                    BatchChoices.of(model),
                    anchors,
                    pair(Set.of("cat number 2", "cat number 5"), false),
                    3)));
    List<Integer> taken = images(batches.batch(1, 10, scope));
    assertThat(taken).containsOnly(0, 1, 3, 4, 6);
    assertThat(taken.subList(0, 5)).doesNotHaveDuplicates();
  }

  // Preserved prompts

  @Test
  void preservedConceptsTakeTurnsAndChangeNothingElse() {
    PairBatches preserving =
        new PairBatches(
            BatchChoices.of(model),
            anchors,
            pair(Set.of(), true, Concept.instance("dog"), Concept.memorized("a boat")),
            3);
    TrainingBatch batch = new PairBatchSource(List.of(preserving)).batch(2, 4, scope);
    assertSame(batch, batches(3).batch(2, 4, scope));
    assertThat(batch.preservedPrompts())
        .containsExactly(
            batch.anchorPrompts().get(0).replace("cat", "dog"),
            "a boat",
            batch.anchorPrompts().get(2).replace("cat", "dog"),
            "a boat");
    assertThat(batches(3).batch(2, 4, scope).preservedPrompts()).isEmpty();
  }

  @Test
  void whereNoPreservedConceptFitsTheAnchorIsPreserved() {
    PairBatches preserving =
        new PairBatches(BatchChoices.of(model), anchors, pair(Set.of(), true), 3);
    TrainingBatch batch = new PairBatchSource(List.of(preserving)).batch(2, 4, scope);
    assertThat(batch.preservedPrompts()).isEqualTo(batch.anchorPrompts());
  }
}
