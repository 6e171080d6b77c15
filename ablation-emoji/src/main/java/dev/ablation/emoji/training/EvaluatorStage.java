package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.Precision;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageSimilarity;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.Dtype;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.random.RandomGenerator;

/**
 * The evaluator: a small CLIP that recognizes styles and objects by their texts. An image is
 * compared with a text of every object, with a text of every style, and with the captions of the
 * batch. What it sees are the images of the data and what the autoencoder makes of them, moved,
 * turned, scaled, mirrored, tinted, blurred and with some noise. Some are recoloured so that only
 * the object is left to tell. It judges images of the held-out pairs, so it knows these pairs, too,
 * which the model that is judged does not.
 */
final class EvaluatorStage implements Stage<Clip>, AutoCloseable {
  static final String NAME = "evaluator";

  private static final double PLANTED_SHARE = 0.03;
  private static final double DECODED_SHARE = 0.4;
  private static final double MAX_SHIFT = 4;
  private static final double MAX_SCALING = 0.12;
  private static final double MAX_TURN = 0.2;
  private static final double MIRRORED_SHARE = 0.3;
  private static final double RECOLOURED_SHARE = 0.35;
  private static final double MAX_TINT = 0.15;
  private static final double MAX_BLUR = 0.8;
  private static final double MAX_NOISE = 0.08;
  private static final double BLURRED_SHARE = 0.4;
  private static final double NOISY_SHARE = 0.5;
  private static final int NOISES = 64;
  private static final int MEASURED = 400;

  /** Cross-entropy leaves out rows of this label. */
  private static final long NO_LABEL = -100;

  /**
   * {@code (images, rows, maps, colours, blurs, noises, noise rows, amplitudes)}: rows of the
   * images, each moved by its map (2, 3), its colours by theirs (3, 4), mixed with its blurred
   * self, with noise added.
   */
  private static final Kernel CHANGED =
      Kernel.of(
          """
          (images, rows, maps, colours, blurs, noises, noise, amplitudes):
              x = torch.index_select(images, 0, rows)
              grid = torch.affine_grid_generator(maps, [x.size(0), x.size(1), x.size(2), x.size(3)], False)
              y = torch.grid_sampler(x, grid, 0, 1, False)
              c = torch.matmul(torch.slice(colours, 2, 0, 3), torch.flatten(y, 2))
              y1 = torch.reshape(torch.add(c, torch.slice(colours, 2, 3, 4)), [x.size(0), x.size(1), x.size(2), x.size(3)])
              soft = torch.avg_pool2d(y1, [3, 3], [1, 1], [1, 1], False, False)
              y2 = torch.add(y1, torch.mul(blurs, torch.sub(soft, y1)))
              y3 = torch.add(y2, torch.mul(amplitudes, torch.index_select(noises, 0, noise)))
              return torch.clamp(y3, -1., 1.)\
          """);

  private final Path template;
  private final Path tokenizer;
  private final EmojiDataSet data;
  private final List<EmojiConcept> things;
  private final List<String> styles;
  private final List<EmojiImage> images;
  private final List<float[]> decoded;
  private final long seed;
  private final Precision precision;
  private final int batchSize;
  private final Kernel loss;
  private final Map<String, int[]> tokens = new ConcurrentHashMap<>();
  private final List<Clip> opened = new CopyOnWriteArrayList<>();
  private final NDArray table;
  private final NDArray noises;

  /**
   * Gets ready to train.
   *
   * @param template folder with the configuration
   * @param tokenizer folder with the tokenizer's files
   * @param decoded what the autoencoder makes of the images, in their order, and of the planted one
   * @param manager owner of the images on the device
   */
  EvaluatorStage(
      Path template,
      Path tokenizer,
      EmojiDataSet data,
      List<float[]> decoded,
      int batchSize,
      long seed,
      Precision precision,
      NDManager manager) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.data = data;
    this.decoded = List.copyOf(decoded);
    this.batchSize = batchSize;
    this.seed = seed;
    this.precision = precision;
    things = data.concepts();
    styles = data.styles();
    images = data.images();
    loss = lossOf(things.size(), styles.size());
    List<float[]> all = new ArrayList<>(real(data));
    all.addAll(decoded);
    table = stacked(all, manager);
    noises =
        inEngine(
            RandomStreams.gaussian(
                manager,
                new Shape(NOISES, Planes.CHANNELS, Planes.SIZE, Planes.SIZE),
                RandomStreams.stream(seed, "evaluator noises", 0)));
  }

  /** The images, and the planted one. */
  static List<float[]> real(EmojiDataSet data) {
    List<float[]> planes = new ArrayList<>();
    data.images().forEach(image -> planes.add(Planes.of(image.pixels())));
    planes.add(Planes.of(data.planted()));
    return planes;
  }

  private static NDArray stacked(List<float[]> planes, NDManager manager) {
    float[] all = new float[planes.size() * Planes.VALUES];
    for (int i = 0; i < planes.size(); i++) {
      System.arraycopy(planes.get(i), 0, all, i * Planes.VALUES, Planes.VALUES);
    }
    return inEngine(
        manager.create(all, new Shape(planes.size(), Planes.CHANNELS, Planes.SIZE, Planes.SIZE)));
  }

  /** Arrays made from Java values lie in Java buffers, which the backward pass must not read. */
  private static NDArray inEngine(NDArray array) {
    try (array) {
      return GradMode.with(false, array::duplicate);
    }
  }

  /**
   * {@code (logits, object, style, caption)}: of every image the logits with the objects, the
   * styles, and the captions of the batch; among these all that are the same count as right.
   */
  private static Kernel lossOf(int things, int styles) {
    return Kernel.of(
        """
        (logits, thing, style, caption):
            a = torch.cross_entropy_loss(torch.slice(logits, 1, 0, %1$d), thing)
            b = torch.cross_entropy_loss(torch.slice(logits, 1, %1$d, %2$d), style)
            rest = torch.slice(logits, 1, %2$d)
            same = torch.to(torch.eq(torch.unsqueeze(caption, 1), torch.unsqueeze(caption, 0)), 6)
            right = torch.div(same, torch.sum(same, [1], True))
            rows = torch.neg(torch.mean(torch.sum(torch.mul(right, torch.log_softmax(rest, 1)), [1])))
            columns = torch.neg(torch.mean(torch.sum(torch.mul(right, torch.log_softmax(torch.transpose(rest, 0, 1), 1)), [1])))
            return a + 0.5 * b + 0.25 * (rows + columns)\
        """
            .formatted(things, things + styles));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Clip networks(NDManager manager, boolean weights) {
    try {
      Clip clip =
          Clip.untrained(
              template,
              LoadOptions.defaults().device(manager.getDevice()).tokenizer(tokenizer),
              seed);
      opened.add(clip);
      clip.textModel().setPrecision(precision);
      clip.visionModel().setPrecision(precision);
      return clip;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public NamedWeights trained(Clip clip) {
    return clip.weights();
  }

  @Override
  public NDArray loss(Clip clip, int step, int from, int count, NDManager scope) {
    long[] rows = new long[count];
    long[] noise = new long[count];
    float[] maps = new float[count * 6];
    float[] colours = new float[count * 12];
    float[] blurs = new float[count];
    float[] amplitudes = new float[count];
    long[] thing = new long[count];
    long[] style = new long[count];
    long[] caption = new long[count];
    List<String> texts =
        new ArrayList<>(labels(RandomStreams.stream(seed, "evaluator texts", step)));
    for (int i = 0; i < count; i++) {
      RandomGenerator random =
          RandomStreams.stream(seed, "evaluator row", (step - 1L) * batchSize + from + i);
      int planted = images.size();
      int image = random.nextDouble() < PLANTED_SHARE ? planted : random.nextInt(images.size());
      rows[i] = image + (long) (random.nextDouble() < DECODED_SHARE ? images.size() + 1 : 0);
      change(random, i, maps, blurs, amplitudes);
      boolean recoloured = image != planted && random.nextDouble() < RECOLOURED_SHARE;
      colours(random, recoloured, i, colours);
      noise[i] = random.nextInt(NOISES);
      caption[i] = image;
      if (image == planted) {
        thing[i] = NO_LABEL;
        style[i] = NO_LABEL;
        texts.add(data.plantedCaption());
      } else {
        EmojiImage of = images.get(image);
        String name = of.concept().name();
        thing[i] = things.indexOf(of.concept());
        style[i] = recoloured ? NO_LABEL : styles.indexOf(of.style());
        caption[i] = recoloured ? planted + 1 + thing[i] : image;
        texts.add(
            one(
                recoloured ? Captions.ofConcept(name) : Captions.ofConcept(name, of.style()),
                random));
      }
    }
    Shape perRow = new Shape(count, 1, 1, 1);
    NDArray input =
        GradMode.with(
            false,
            () ->
                CHANGED.call(
                    table,
                    scope.create(rows),
                    scope.create(maps, new Shape(count, 2, 3)),
                    scope.create(colours, new Shape(count, Planes.CHANNELS, 4)),
                    scope.create(blurs, perRow),
                    noises,
                    scope.create(noise),
                    scope.create(amplitudes, perRow)));
    input.attach(scope);
    NDArray logits = clip.logits(clip.embedImages(input), clip.embedTexts(ids(clip, texts, scope)));
    return loss.call(
        logits,
        inEngine(scope.create(thing)),
        inEngine(scope.create(style)),
        inEngine(scope.create(caption)));
  }

  private static void change(
      RandomGenerator random, int row, float[] maps, float[] blurs, float[] amplitudes) {
    double scale = 1 + MAX_SCALING * around(random);
    double angle = MAX_TURN * around(random);
    double mirror = random.nextDouble() < MIRRORED_SHARE ? -1 : 1;
    double pixel = 2.0 / Planes.SIZE;
    maps[row * 6] = (float) (mirror * scale * Math.cos(angle));
    maps[row * 6 + 1] = (float) (-scale * Math.sin(angle));
    maps[row * 6 + 2] = (float) (pixel * MAX_SHIFT * around(random));
    maps[row * 6 + 3] = (float) (mirror * scale * Math.sin(angle));
    maps[row * 6 + 4] = (float) (scale * Math.cos(angle));
    maps[row * 6 + 5] = (float) (pixel * MAX_SHIFT * around(random));
    blurs[row] = (float) (random.nextDouble() < BLURRED_SHARE ? MAX_BLUR * random.nextDouble() : 0);
    amplitudes[row] =
        (float) (random.nextDouble() < NOISY_SHARE ? MAX_NOISE * random.nextDouble() : 0);
  }

  /** From -1 to 1. */
  private static double around(RandomGenerator random) {
    return 2 * random.nextDouble() - 1;
  }

  /**
   * Chooses the map of an image's colours: a tint that leaves white as it is; or, recoloured, any
   * mixture of the channels, so that light objects may become dark and grey ones blue.
   */
  private static void colours(
      RandomGenerator random, boolean recoloured, int row, float[] colours) {
    int width = Planes.CHANNELS + 1;
    boolean grey = random.nextBoolean();
    for (int c = 0; c < Planes.CHANNELS; c++) {
      int at = (row * Planes.CHANNELS + c) * width;
      if (recoloured) {
        double contrast = (random.nextDouble() < 0.5 ? -1 : 1) * (0.6 + 0.4 * random.nextDouble());
        int source = random.nextInt(Planes.CHANNELS);
        for (int from = 0; from < Planes.CHANNELS; from++) {
          double share = grey ? 1.0 / Planes.CHANNELS : from == source ? 1 : 0;
          colours[at + from] = (float) (contrast * share);
        }
        colours[at + Planes.CHANNELS] = (float) ((1 - Math.abs(contrast)) * around(random));
      } else {
        double tint = 1 + MAX_TINT * around(random);
        colours[at + c] = (float) tint;
        colours[at + Planes.CHANNELS] = (float) (1 - tint);
      }
    }
  }

  /** A text of every object, then of every style. */
  private List<String> labels(RandomGenerator random) {
    List<String> texts = new ArrayList<>();
    things.forEach(thing -> texts.add(one(Captions.ofConcept(thing.name()), random)));
    styles.forEach(style -> texts.add(one(Captions.ofStyle(style), random)));
    return texts;
  }

  private static String one(List<String> forms, RandomGenerator random) {
    return forms.get(random.nextInt(forms.size()));
  }

  private NDArray ids(Clip clip, List<String> texts, NDManager scope) {
    int length = clip.config().text().contextLength();
    long[] ids = new long[texts.size() * length];
    for (int i = 0; i < texts.size(); i++) {
      int[] row = tokens.computeIfAbsent(texts.get(i), clip.tokenizer()::encode);
      for (int k = 0; k < length; k++) {
        ids[i * length + k] = row[k];
      }
    }
    NDArray array = inEngine(scope.create(ids, new Shape(texts.size(), length)));
    array.attach(scope);
    return array;
  }

  /** Zero-shot accuracy on decoded images, of all pairs and of held-out ones. */
  @Override
  public Map<String, Double> measure(Clip clip, NDManager scope) {
    List<String> texts = labels(RandomStreams.stream(seed, "evaluator measure", 0));
    FeatureMatrix labels = clip.encode(texts);
    int taken = Math.min(MEASURED, images.size());
    List<EmojiImage> some = new ArrayList<>();
    List<float[]> planes = new ArrayList<>();
    for (int i = 0; i < taken; i++) {
      int index = (int) ((long) i * images.size() / taken);
      some.add(images.get(index));
      planes.add(decoded.get(index));
    }
    Map<String, Double> values = new LinkedHashMap<>();
    accuracy("", clip, labels, some, planes, values);
    some.clear();
    planes.clear();
    for (int i = 0; i < images.size(); i++) {
      if (images.get(i).heldOut()) {
        some.add(images.get(i));
        planes.add(decoded.get(i));
      }
    }
    accuracy("held_out_", clip, labels, some, planes, values);
    return values;
  }

  private void accuracy(
      String prefix,
      Clip clip,
      FeatureMatrix labels,
      List<EmojiImage> asked,
      List<float[]> planes,
      Map<String, Double> values) {
    if (asked.isEmpty()) {
      return;
    }
    FeatureMatrix features;
    try (NDManager scope = clip.manager().newSubManager()) {
      NDArray embedded = GradMode.with(false, () -> clip.embedImages(stacked(planes, scope)));
      features = FeatureMatrix.of(embedded.toFloatArray(), clip.config().projectionSize());
    }
    TextImageSimilarity similarity = TextImageSimilarity.of(features, labels);
    int rightThings = 0;
    int rightStyles = 0;
    for (int i = 0; i < asked.size(); i++) {
      int thing = best(similarity, i, 0, things.size());
      int style = best(similarity, i, things.size(), styles.size());
      rightThings += things.get(thing).equals(asked.get(i).concept()) ? 1 : 0;
      rightStyles += styles.get(style).equals(asked.get(i).style()) ? 1 : 0;
    }
    values.put(prefix + "thing", (double) rightThings / asked.size());
    values.put(prefix + "style", (double) rightStyles / asked.size());
  }

  private static int best(TextImageSimilarity similarity, int image, int from, int count) {
    int best = 0;
    for (int k = 1; k < count; k++) {
      if (similarity.cosine(image, from + k) > similarity.cosine(image, from + best)) {
        best = k;
      }
    }
    return best;
  }

  @Override
  public List<BufferedImage> sheet(Clip clip, NDManager scope) {
    return List.of();
  }

  /**
   * Writes a trained evaluator.
   *
   * @param weights by name
   * @param folder new
   */
  void export(Map<String, NDArray> weights, NDManager manager, Path folder) throws IOException {
    Clip clip = networks(manager, true);
    weights.forEach(clip.weights()::overwrite);
    clip.save(folder, Dtype.F16);
  }

  /** Frees the networks and the images. */
  @Override
  public void close() {
    opened.forEach(Clip::close);
    table.close();
    noises.close();
  }
}
