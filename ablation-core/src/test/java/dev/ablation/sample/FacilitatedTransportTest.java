package dev.ablation.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightDelta;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.provenance.Provenance;
import dev.ablation.random.RandomStreams;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters whose scale depends on the prompt. */
class FacilitatedTransportTest {
  private static final List<String> PROMPTS =
      List.of("a zebra", "a cat", "a zebra", "a dog and a lion");
  private static final Provenance PROVENANCE =
      new Provenance("1", "tiny", "none", Map.of(), Map.of(), Map.of());

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final SamplingSettings settings = SamplingSettings.defaults().steps(2);
  @TempDir private Path folder;

  @AfterEach
  void close() {
    model.close();
  }

  private WeightDelta delta(String weight, String target) {
    try (NDManager scope = model.newScope()) {
      Shape shape = model.weights().get(weight).getShape();
      LoraFactors factors =
          new LoraFactors(
              random(new Shape(1, shape.get(1)), target + " down", scope),
              random(new Shape(shape.get(0), 1), target + " up", scope),
              1);
      try (WeightDelta plain =
          WeightDelta.ofLowRank(Map.of(weight, factors), model.manager(), PROVENANCE)) {
        return plain.gatedBy(ConceptGate.of(target));
      }
    }
  }

  private static NDArray random(Shape shape, String purpose, NDManager scope) {
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(1, purpose, 0));
  }

  private double cosine(String a, String b) {
    try (NDManager scope = model.newScope()) {
      NDArray x = model.encode(List.of(a), scope).textEmbeddings().flatten();
      NDArray y = model.encode(List.of(b), scope).textEmbeddings().flatten();
      return x.mul(y).sum().getFloat() / (x.norm().getFloat() * y.norm().getFloat());
    }
  }

  @Test
  void aScaleIsTheLargerOfCosineAndSharedTokens() {
    ConceptGate gate = ConceptGate.of("plains zebra");
    List<Double> scales =
        gate.scales(model, List.of("a zebra", "two plains zebra", "plains zebra", "a cat", ""));
    assertThat(scales.get(0))
        .isCloseTo(Math.max(0.5, cosine("a zebra", "plains zebra")), TOLERANCE);
    assertThat(scales.get(1)).isEqualTo(1);
    assertThat(scales.get(2)).isCloseTo(1.0, within(1e-6));
    assertThat(scales.get(3)).isCloseTo(Math.max(0, cosine("a cat", "plains zebra")), TOLERANCE);
    assertThat(scales.get(4)).isCloseTo(Math.max(0, cosine("", "plains zebra")), TOLERANCE);
    assertThat(new ConceptGate(List.of("lion", "plains zebra"), 0).scales(model, List.of("a lion")))
        .as("the largest over the names")
        .containsExactly(1.0);
    double small = scales.get(3);
    assertThat(small).isBetween(0.0, 0.999);
    assertThat(gate.threshold(Math.nextUp(small)).scales(model, List.of("a cat")))
        .containsExactly(0.0);
    assertThat(gate.threshold(small).scales(model, List.of("a cat"))).containsExactly(small);
  }

  private static final Offset<Double> TOLERANCE = within(1e-5);

  @Test
  void withoutATokenizerTheCosineAloneCounts() {
    model.without(PromptTokenizer.class);
    assertThat(ConceptGate.of("zebra").scales(model, List.of("a zebra and a lion")))
        .first()
        .satisfies(
            scale -> assertThat(scale).isCloseTo(cosine("a zebra and a lion", "zebra"), TOLERANCE));
  }

  @Test
  void eachPromptIsDrawnWithItsScaleOfEachDelta() {
    try (WeightDelta zebra = delta("network.key", "zebra");
        WeightDelta lion = delta("network.value", "lion")) {
      String before = model.weights().sha256();
      // @start region="facilitated-transport"
      FacilitatedTransport transport = FacilitatedTransport.of(model, zebra, lion);
      List<List<Double>> scales = transport.scales(PROMPTS); // of each prompt, for each delta
      List<BufferedImage> images =
          transport.draw(LatentSampler.of(model).settings(settings), PROMPTS, 5);
      // @end
      assertThat(scales.get(0).get(0)).isEqualTo(1);
      assertThat(scales.get(3).get(1)).isEqualTo(1);
      assertThat(images).hasSize(4);
      LatentSampler sampler = LatentSampler.of(model).settings(settings);
      NDArray drawn = transport.sample(sampler, PROMPTS, 5, model.manager());
      for (int i = 0; i < PROMPTS.size(); i++) {
        int image = i;
        try (WeightDelta first = zebra.scaledBy(scales.get(i).get(0));
            WeightDelta second = lion.scaledBy(scales.get(i).get(1))) {
          NDArray alone =
              first.applied(
                  model,
                  () ->
                      second.applied(
                          model,
                          () ->
                              sampler.sample(
                                  List.of(PROMPTS.get(image)), 5 + image, model.manager())));
          assertThat(drawn.get(i + ":" + (i + 1)).allClose(alone, 1e-5, 1e-5, false)).isTrue();
        }
      }
      assertThat(model.weights().sha256()).isEqualTo(before);
      assertThat(model.weights().isBound("network.key")).isFalse();
    }
  }

  /** As if both were applied by hand, and with the scales of the base model's text encoder. */
  @Test
  void otherDeltasActOnEveryPrompt() {
    try (WeightDelta zebra = delta("network.key", "zebra");
        WeightDelta gated = delta("text.projection", "lion");
        WeightDelta always = gated.ungated()) {
      assertThat(always.gate()).isEmpty();
      FacilitatedTransport alone = FacilitatedTransport.of(model, zebra);
      FacilitatedTransport both = alone.inFull(always);
      assertThat(both.scales(PROMPTS)).isEqualTo(alone.scales(PROMPTS));
      LatentSampler sampler = LatentSampler.of(model).settings(settings);
      NDArray drawn = both.sample(sampler, List.of("a cat"), 5, model.manager());
      try (WeightDelta scaled = zebra.scaledBy(alone.scales(List.of("a cat")).get(0).get(0))) {
        NDArray expected =
            always.applied(
                model,
                () ->
                    scaled.applied(
                        model, () -> sampler.sample(List.of("a cat"), 5, model.manager())));
        assertThat(drawn.allClose(expected, 1e-5, 1e-5, false)).isTrue();
      }
      NDArray without = alone.sample(sampler, List.of("a cat"), 5, model.manager());
      assertThat(drawn.allClose(without, 1e-5, 1e-5, false)).isFalse();
      try (WeightDelta sum = always.plus(always)) {
        assertThat(sum.gate()).isEmpty();
      }
    }
  }

  @Test
  void aGateIsKeptInTheFile() throws IOException {
    Path file = folder.resolve("zebra.safetensors");
    try (WeightDelta zebra = delta("network.key", "zebra")) {
      zebra.save(file);
      try (WeightDelta read = WeightDelta.load(file, model.manager());
          WeightDelta half = read.scaledBy(0.5);
          WeightDelta whole = half.plus(half)) {
        assertThat(read.gate()).contains(ConceptGate.of("zebra"));
        assertThat(whole.gate()).contains(ConceptGate.of("zebra"));
        assertThat(read.sha256()).isEqualTo(zebra.sha256());
      }
      try (WeightDelta lion = delta("network.key", "lion")) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> zebra.plus(lion))
            .withMessageContaining("deltas to be added must have the same gate");
      }
    }
    ConceptGate gate = new ConceptGate(List.of("a \"zebra\"", "Zebra, plains"), 0.25);
    assertThat(ConceptGate.fromJson(gate.toJson())).isEqualTo(gate);
    for (String wrong : List.of("", "[]", "{}", "{\"targets\":[1,{}]}", "{\"targets\":[]}")) {
      assertThatIllegalArgumentException().isThrownBy(() -> ConceptGate.fromJson(wrong));
    }
  }

  @Test
  void refusesWhatCannotBeDrawnSo() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ConceptGate.of(" "))
        .withMessage("targets must not be blank, were [ ]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ConceptGate.of("zebra").threshold(2))
        .withMessage("threshold must be from 0 to 1, was 2.0");
    try (WeightDelta zebra = delta("network.key", "zebra");
        WeightDelta plain =
            WeightDelta.between(
                model.weights(),
                Map.of("network.key", model.weights().get("network.key")),
                model.manager(),
                PROVENANCE);
        TinyDiffusion other = TinyDiffusion.open(2)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> FacilitatedTransport.of(model, zebra, plain))
          .withMessageContaining("each delta must have a gate");
      FacilitatedTransport transport = FacilitatedTransport.of(model, zebra);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> transport.draw(LatentSampler.of(other), PROMPTS, 1))
          .withMessage("the sampler must draw with the model that the deltas change");
    }
  }
}
