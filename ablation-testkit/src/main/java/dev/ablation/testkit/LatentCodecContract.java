package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.LatentCodec;
import org.junit.jupiter.api.Test;

/** How a model turns latents into images and back. */
public abstract class LatentCodecContract extends ModelContract {
  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected LatentCodecContract(ModelFixture fixture) {
    super(fixture);
  }

  @Test
  final void decodesLatentsToImages() {
    LatentCodec codec = require(LatentCodec.class);
    NDArray latents = input(2).latents();
    NDArray images = codec.decode(latents);
    int factor = codec.downscaling();
    assertThat(Integer.bitCount(factor)).as("a power of two").isEqualTo(1);
    assertThat(images.getShape())
        .isEqualTo(
            new Shape(
                2,
                3,
                (long) factor * model.descriptor().latentHeight(),
                (long) factor * model.descriptor().latentWidth()));
    assertThat(images.getDataType()).isEqualTo(DataType.FLOAT32);
    assertThat(images.getManager()).isSameAs(latents.getManager());
    assertFinite(images);
    assertThat(bits(codec.decode(latents))).isEqualTo(bits(images));
  }

  @Test
  final void encodesImagesToLatents() {
    LatentCodec codec = require(LatentCodec.class);
    NDArray latents = input(2).latents();
    NDArray images = codec.decode(latents);
    NDArray mean = codec.encode(images, null);
    assertThat(mean.getShape()).isEqualTo(latentShape(2));
    assertThat(mean.getDataType()).isEqualTo(DataType.FLOAT32);
    assertThat(mean.getManager()).isSameAs(images.getManager());
    assertThat(bits(codec.encode(images, null))).isEqualTo(bits(mean));
    double distance = norm(mean.sub(latents)) / norm(latents);
    assertThat(distance).isLessThanOrEqualTo(fixture.codecTolerance());
  }

  @Test
  final void samplesThePosteriorWithTheGivenNoise() {
    LatentCodec codec = require(LatentCodec.class);
    NDArray images = codec.decode(input(2).latents());
    NDArray noise = gaussian("posterior", latentShape(2));
    NDArray mean = codec.encode(images, null);
    NDArray sample = codec.encode(images, noise);
    assertThat(bits(sample)).isNotEqualTo(bits(mean));
    assertThat(bits(codec.encode(images, noise))).isEqualTo(bits(sample));
    assertClose(codec.encode(images, noise.zerosLike()), mean);
  }

  @Test
  final void refusesToDecodeAndEncodeOtherShapes() {
    LatentCodec codec = require(LatentCodec.class);
    NDArray latents = scope.zeros(new Shape(1, model.descriptor().latentChannels() + 1, 4, 4));
    assertRefused("latents", latents.getShape(), () -> codec.decode(latents));
    long side = 4L * codec.downscaling();
    NDArray images = scope.zeros(new Shape(1, 5, side, side));
    assertRefused("images", images.getShape(), () -> codec.encode(images, null));
    assumeTrue(codec.downscaling() > 1);
    NDArray odd = scope.zeros(new Shape(1, 3, side + 1, side));
    assertRefused("images", odd.getShape(), () -> codec.encode(odd, null));
  }

  @Test
  final void codesWithoutLeavingArraysBehind() {
    LatentCodec codec = require(LatentCodec.class);
    int before = managedArrays();
    for (int i = 0; i < 2; i++) {
      try (NDManager own = model.manager().newSubManager()) {
        NDArray latents = own.zeros(latentShape(1));
        codec.encode(codec.decode(latents), own.zeros(latentShape(1)));
      }
      assertThat(managedArrays()).isEqualTo(before);
    }
  }
}
