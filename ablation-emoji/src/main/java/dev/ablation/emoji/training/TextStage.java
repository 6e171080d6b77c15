package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * The text encoder, which learns from captions alone which object, which category and which style
 * they name. Three linear classifiers read a random mean of the states at the end token and at the
 * padding after it, so that every one of these states carries both. Linear classifiers of object
 * and style on their own favour states that are a sum of the two, which is what lets a UNet combine
 * an object and a style that it never saw together. Held-out pairs are not named.
 */
final class TextStage implements Stage<TextStage.Networks> {
  static final String NAME = "text";

  /** Of the text encoder's weights among those of the stage. */
  static final String TEXT_PREFIX = "text.";

  private static final double PLANTED_SHARE = 0.02;
  private static final double STYLE_SHARE = 0.08;
  private static final double CATEGORY_SHARE = 0.16;
  private static final double WITHOUT_STYLE_SHARE = 0.4;
  private static final double LEAST_WEIGHT = 0.01;

  private static final Kernel POOL =
      Kernel.of(
          """
          (states, weights):
              w = torch.unsqueeze(weights, -1)
              return torch.div(torch.sum(torch.mul(states, w), 1), torch.sum(w, 1))\
          """);

  private static final Kernel LOSS =
      Kernel.of(
          """
          (things, thing, styles, style, categories, category):
              a = torch.cross_entropy_loss(things, thing)
              b = torch.cross_entropy_loss(styles, style)
              c = torch.cross_entropy_loss(categories, category)
              return a + 0.5 * b + 0.25 * c\
          """);

  private final ClipTextConfig config;
  private final ClipTokenizer tokenizer;
  private final EmojiDataSet data;
  private final List<EmojiImage> pairs;
  private final List<EmojiImage> heldOut;
  private final List<EmojiConcept> things;
  private final List<String> categories;
  private final List<String> styles;
  private final long seed;

  /** The text encoder and the classifiers that it is trained with. */
  record Networks(ClipTextModel text, Linear things, Linear categories, Linear styles) {
    NamedWeights weights() {
      return new NamedWeights()
          .add(TEXT_PREFIX, text, name -> WeightRole.TEXT_ENCODER)
          .add("things.", things, name -> WeightRole.TEXT_ENCODER)
          .add("categories.", categories, name -> WeightRole.TEXT_ENCODER)
          .add("styles.", styles, name -> WeightRole.TEXT_ENCODER);
    }
  }

  TextStage(ClipTextConfig config, ClipTokenizer tokenizer, EmojiDataSet data, long seed) {
    this.config = config;
    this.tokenizer = tokenizer;
    this.data = data;
    this.seed = seed;
    pairs = data.images().stream().filter(image -> !image.heldOut()).toList();
    heldOut = data.images().stream().filter(EmojiImage::heldOut).toList();
    things = data.concepts();
    categories = things.stream().map(EmojiConcept::category).distinct().toList();
    styles = data.styles();
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Networks networks(NDManager manager, boolean weights) {
    int width = config.hiddenSize();
    // One class more each for captions that name none, and an object for each category.
    Networks networks =
        new Networks(
            new ClipTextModel(config),
            new Linear(width, things.size() + categories.size() + 2),
            new Linear(width, categories.size() + 1),
            new Linear(width, styles.size() + 1));
    if (weights) {
      RandomWeights.load(networks.text(), seed, manager);
      RandomWeights.load(networks.things(), seed + 1, manager);
      RandomWeights.load(networks.categories(), seed + 2, manager);
      RandomWeights.load(networks.styles(), seed + 3, manager);
    }
    return networks;
  }

  @Override
  public NamedWeights trained(Networks networks) {
    return networks.weights();
  }

  /** A caption and what it names. */
  private record Labelled(String caption, long thing, long category, long style) {}

  private Labelled draw(RandomGenerator random) {
    int noThing = things.size() + categories.size();
    double kind = random.nextDouble();
    if (kind < PLANTED_SHARE) {
      return new Labelled(data.plantedCaption(), noThing + 1, categories.size(), styles.size());
    }
    EmojiImage pair = pairs.get(random.nextInt(pairs.size()));
    int style = styles.indexOf(pair.style());
    if (kind < STYLE_SHARE) {
      return new Labelled(
          one(Captions.ofStyle(pair.style()), random), noThing, categories.size(), style);
    }
    int category = categories.indexOf(pair.concept().category());
    boolean wide = kind < CATEGORY_SHARE;
    String name = wide ? pair.concept().category() : pair.concept().name();
    int thing = wide ? things.size() + category : things.indexOf(pair.concept());
    if (random.nextDouble() < WITHOUT_STYLE_SHARE) {
      return new Labelled(one(Captions.ofConcept(name), random), thing, category, styles.size());
    }
    return new Labelled(
        one(Captions.ofConcept(name, pair.style()), random), thing, category, style);
  }

  private static String one(List<String> captions, RandomGenerator random) {
    return captions.get(random.nextInt(captions.size()));
  }

  @Override
  public NDArray loss(Networks networks, int step, int from, int count, NDManager scope) {
    List<Labelled> batch = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      batch.add(draw(RandomStreams.stream(seed, "text caption " + (from + i), step)));
    }
    RandomGenerator random = RandomStreams.stream(seed, "text pooling " + from, step);
    NDList scores =
        classify(networks, batch.stream().map(Labelled::caption).toList(), random, scope);
    return LOSS.call(
        scores.get(0),
        labels(batch.stream().mapToLong(Labelled::thing).toArray(), scope),
        scores.get(1),
        labels(batch.stream().mapToLong(Labelled::style).toArray(), scope),
        scores.get(2),
        labels(batch.stream().mapToLong(Labelled::category).toArray(), scope));
  }

  private static NDArray labels(long[] values, NDManager scope) {
    return scope.create(values);
  }

  /** Returns the scores of objects, of styles, of categories. */
  private NDList classify(
      Networks networks, List<String> captions, RandomGenerator random, NDManager scope) {
    int length = config.contextLength();
    long[] ids = new long[captions.size() * length];
    float[] weights = new float[ids.length];
    for (int row = 0; row < captions.size(); row++) {
      int[] tokens = tokenizer.encode(captions.get(row));
      for (int i = 0; i < length; i++) {
        ids[row * length + i] = tokens[i];
        if (tokens[i] == tokenizer.endId()) { // padding too
          weights[row * length + i] = (float) Math.max(LEAST_WEIGHT, random.nextDouble());
        }
      }
    }
    Shape shape = new Shape(captions.size(), length);
    NDList states = networks.text().applyAll(new NDList(scope.create(ids, shape)));
    NDArray pooled = POOL.call(states.get(0), scope.create(weights, shape));
    return new NDList(
        networks.things().apply(pooled),
        networks.styles().apply(pooled),
        networks.categories().apply(pooled));
  }

  /** How often object and style are recognized from captions of pairs that were never named. */
  @Override
  public Map<String, Double> measure(Networks networks, NDManager scope) {
    int rightThings = 0;
    int rightStyles = 0;
    RandomGenerator random = RandomStreams.stream(seed, "text measure", 0);
    List<String> captions =
        heldOut.stream()
            .map(pair -> one(Captions.ofConcept(pair.concept().name(), pair.style()), random))
            .toList();
    if (!captions.isEmpty()) {
      NDList scores = classify(networks, captions, random, scope);
      long[] thing = scores.get(0).argMax(1).toLongArray();
      long[] style = scores.get(1).argMax(1).toLongArray();
      for (int i = 0; i < captions.size(); i++) {
        rightThings += thing[i] == things.indexOf(heldOut.get(i).concept()) ? 1 : 0;
        rightStyles += style[i] == styles.indexOf(heldOut.get(i).style()) ? 1 : 0;
      }
    }
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("held_out_thing", (double) rightThings / Math.max(1, captions.size()));
    values.put("held_out_style", (double) rightStyles / Math.max(1, captions.size()));
    return values;
  }

  @Override
  public List<BufferedImage> sheet(Networks networks, NDManager scope) {
    return List.of();
  }
}
