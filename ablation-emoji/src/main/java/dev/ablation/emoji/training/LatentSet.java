package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The training images as latents, each in some variants: as it is, and moved, scaled and tinted a
 * little. Encoded once, since the autoencoder would take longer than a step of the UNet. The last
 * image is the planted one, without variants.
 *
 * @param means of the posterior, scaled for the UNet; by image, then by variant
 * @param deviations of the posterior, scaled in the same way
 */
record LatentSet(List<List<float[]>> means, List<List<float[]>> deviations) {
  private static final int BATCH = 64;
  private static final String MEANS = "means";
  private static final String DEVIATIONS = "deviations";
  private static final String VARIANTS = "variants";
  private static final String CHANNEL_MEANS = "channel_means";
  private static final String CHANNEL_DEVIATIONS = "channel_deviations";
  private static final String WITHHELD = "withheld";

  int size() {
    return means.size();
  }

  /** Index of the planted image. */
  int planted() {
    return means.size() - 1;
  }

  /**
   * Encodes images.
   *
   * @param variants of each image, the first one unchanged
   */
  static LatentSet encode(
      AutoencoderKL vae,
      List<EmojiImage> images,
      float[] planted,
      int variants,
      long seed,
      NDManager manager) {
    List<float[]> means = new ArrayList<>();
    List<float[]> deviations = new ArrayList<>();
    // By batches, since all variants together would take a gigabyte.
    int all = images.size() * variants;
    for (int from = 0; from < all; from += BATCH) {
      List<float[]> batch =
          IntStream.range(from, Math.min(all, from + BATCH))
              .parallel()
              .mapToObj(row -> {
                int image = row / variants;
                return variant(images.get(image), image, row % variants, seed);
              })
              .toList();
      encode(vae, batch, means, deviations, manager);
    }
    encode(vae, List.of(planted), means, deviations, manager);
    return new LatentSet(grouped(means, variants), grouped(deviations, variants));
  }

  private static float[] variant(EmojiImage image, int index, int variant, long seed) {
    float[] planes = Planes.of(image.pixels());
    return variant == 0
        ? planes
        : Variation.of(planes, RandomStreams.stream(seed, "variant " + variant, index));
  }

  private static void encode(
      AutoencoderKL vae,
      List<float[]> planes,
      List<float[]> means,
      List<float[]> deviations,
      NDManager manager) {
    float[] all = new float[planes.size() * Planes.VALUES];
    for (int i = 0; i < planes.size(); i++) {
      System.arraycopy(planes.get(i), 0, all, i * Planes.VALUES, Planes.VALUES);
    }
    double scaling = vae.config().scalingFactor();
    try (NDManager scope = manager.newSubManager()) {
      NDArray images =
          scope.create(all, new Shape(planes.size(), Planes.CHANNELS, Planes.SIZE, Planes.SIZE));
      NDList posterior = vae.posterior(vae.moments(images));
      split(posterior.get(0).toFloatArray(), planes.size(), scaling, means);
      split(posterior.get(2).toFloatArray(), planes.size(), scaling, deviations);
    }
  }

  private static void split(float[] values, int count, double scaling, List<float[]> into) {
    int length = values.length / count;
    for (int i = 0; i < count; i++) {
      float[] one = new float[length];
      for (int k = 0; k < length; k++) {
        one[k] = (float) (values[i * length + k] * scaling);
      }
      into.add(one);
    }
  }

  private static List<List<float[]>> grouped(List<float[]> flat, int variants) {
    List<List<float[]>> groups = new ArrayList<>();
    for (int from = 0; from < flat.size(); from += variants) {
      groups.add(List.copyOf(flat.subList(from, Math.min(flat.size(), from + variants))));
    }
    return List.copyOf(groups);
  }

  /**
   * Writes the latents.
   *
   * @param scale that they were measured to have before
   * @param withheld the names whose images are not among them
   */
  void save(Path file, LatentScale scale, Set<String> withheld, NDManager manager)
      throws IOException {
    try (NDManager scope = manager.newSubManager()) {
      SafetensorsWriter.write(
          file,
          Map.of(MEANS, flat(means, scope), DEVIATIONS, flat(deviations, scope)),
          Map.of(
              VARIANTS, Integer.toString(means.get(0).size()),
              CHANNEL_MEANS, text(scale.means()),
              CHANNEL_DEVIATIONS, text(scale.deviations()),
              WITHHELD, String.join("\n", withheld)));
    }
  }

  private static NDArray flat(List<List<float[]>> groups, NDManager scope) {
    int length = groups.get(0).get(0).length;
    int count = groups.stream().mapToInt(List::size).sum();
    float[] all = new float[count * length];
    int at = 0;
    for (List<float[]> group : groups) {
      for (float[] one : group) {
        System.arraycopy(one, 0, all, at, length);
        at += length;
      }
    }
    return scope.create(all, new Shape(count, length));
  }

  private static String text(double[] values) {
    return Arrays.stream(values).mapToObj(Double::toString).collect(Collectors.joining(" "));
  }

  private static double[] numbers(SafetensorsFile file, String key) {
    return Arrays.stream(String.valueOf(file.metadata().get(key)).split(" "))
        .mapToDouble(Double::parseDouble)
        .toArray();
  }

  /** Reads the scale from a file of latents. */
  static LatentScale scale(Path path) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      return new LatentScale(numbers(file, CHANNEL_MEANS), numbers(file, CHANNEL_DEVIATIONS));
    }
  }

  /** Reads the names whose images are not among the latents; empty if the file does not tell. */
  static Optional<Set<String>> withheld(Path path) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      return Optional.ofNullable(file.metadata().get(WITHHELD))
          .map(names -> names.isEmpty() ? List.<String>of() : List.of(names.split("\n")))
          .map(TreeSet::new);
    }
  }

  static LatentSet read(Path path, NDManager manager) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(path);
        NDManager scope = manager.newSubManager()) {
      int variants = Integer.parseInt(String.valueOf(file.metadata().get(VARIANTS)));
      return new LatentSet(
          grouped(rows(file.read(MEANS, scope)), variants),
          grouped(rows(file.read(DEVIATIONS, scope)), variants));
    }
  }

  private static List<float[]> rows(NDArray array) {
    List<float[]> rows = new ArrayList<>();
    split(array.toFloatArray(), Math.toIntExact(array.getShape().get(0)), 1, rows);
    return rows;
  }
}
