package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.ablation.internal.EngineArrays;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.InputDifferentiable.Gradients;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.model.Weights;
import dev.ablation.random.RandomStreams;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Words that are learned by textual inversion (Gal et al. 2022, arXiv 2208.01618) while the model
 * may itself be trained: embeddings that a placeholder stands for, one row for each table of token
 * embeddings. Model and tables are not changed. Each word has its own Adam.
 *
 * <p>Needs a model with {@link PromptTokenizer} and {@link InputDifferentiable}. Holds no arrays of
 * the engine. Not thread-safe; uses the model.
 */
public final class LearnedWords {
  /** How far a word begins from that of a prompt, as a share of the row's deviation. */
  private static final double SPREAD = 0.5;

  private final DiffusionModel model;
  private final List<Table> tables;
  private final InversionStep inversion;
  private final List<Word> words = new ArrayList<>();

  /** A table and the row of the placeholder. */
  private record Table(String name, int row, int width, List<Integer> begins) {}

  /** A word: its rows, one a table, and the moments of Adam. */
  private static final class Word {
    private final List<float[]> rows = new ArrayList<>();
    private final List<float[]> first = new ArrayList<>();
    private final List<float[]> second = new ArrayList<>();
    private int steps;
  }

  /**
   * Creates words, each beginning near a random word of some prompts.
   *
   * @param model to learn them on
   * @param placeholder a word that is one token of the model
   * @param count how many words, positive
   * @param rate learning rate of Adam; 2e-2 suits the embedded model
   * @param prompts texts in words that the model knows, at least one
   * @param seed of where the words begin
   * @throws IllegalArgumentException if the placeholder is not one token, or the model has no table
   *     of token embeddings
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model lacks a capability
   */
  public LearnedWords(
      DiffusionModel model,
      String placeholder,
      int count,
      double rate,
      List<String> prompts,
      long seed) {
    Preconditions.checkArgument(count > 0, "count must be positive, was %s", count);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
    List<String> problems = problems(model, placeholder);
    Preconditions.checkArgument(problems.isEmpty(), "%s", String.join("; ", problems));
    this.model = model;
    inversion = InversionStep.of(rate);
    PromptTokenizer tokenizer =
        Capabilities.require(model, PromptTokenizer.class, "learning words");
    tables =
        tables(model).stream()
            .map(info -> {
              TreeSet<Integer> begins = new TreeSet<>();
              prompts.forEach(
                  prompt -> begins.addAll(tokenizer.tokens(prompt, info.component()).ids()));
              return new Table(
                  info.name(),
                  tokenizer.tokens(placeholder, info.component()).ids().get(0),
                  Math.toIntExact(info.shape().get(1)),
                  List.copyOf(begins));
            })
            .toList();
    for (int i = 0; i < count; i++) {
      words.add(new Word());
      begin(i, RandomStreams.stream(seed, "redirection word", i));
    }
  }

  static List<WeightInfo> tables(DiffusionModel model) {
    return model.weights().list().stream()
        .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
        .toList();
  }

  /** Why words cannot be learned on a model that has a tokenizer. */
  static List<String> problems(DiffusionModel model, String placeholder) {
    PromptTokenizer tokenizer =
        Capabilities.require(model, PromptTokenizer.class, "learning words");
    List<WeightInfo> tables = tables(model);
    List<String> problems = new ArrayList<>();
    if (tables.isEmpty()) {
      problems.add("words cannot be learned on a model without a table of token embeddings");
    }
    for (WeightInfo table : tables) {
      List<Integer> ids = tokenizer.tokens(placeholder, table.component()).ids();
      if (ids.size() != 1) {
        problems.add(
            "the placeholder of learned words must be one token of %s, but '%s' is %s"
                .formatted(table.component(), placeholder, ids));
      }
    }
    return problems;
  }

  /** {@return the number of words} */
  public int count() {
    return words.size();
  }

  /** Begins again near a random word of the prompts. */
  void begin(int index, RandomGenerator random) {
    Word word = words.get(index);
    word.rows.clear();
    word.first.clear();
    word.second.clear();
    word.steps = 0;
    for (Table table : tables) {
      int id = table.begins().get(random.nextInt(table.begins().size()));
      float[] row;
      try (NDManager scope = model.newScope()) {
        NDArray whole = model.weights().get(table.name());
        NDArray one = whole.get(id + ":" + (id + 1));
        one.attach(scope);
        row = one.toFloatArray();
      }
      double mean = 0;
      double square = 0;
      for (float value : row) {
        mean += value / row.length;
        square += (double) value * value / row.length;
      }
      double deviation = Math.sqrt(Math.max(0, square - mean * mean));
      float[] noise = RandomStreams.gaussian(row.length, random);
      for (int i = 0; i < row.length; i++) {
        row[i] += (float) (SPREAD * deviation * noise[i]);
      }
      word.rows.add(row);
      word.first.add(new float[row.length]);
      word.second.add(new float[row.length]);
    }
  }

  /**
   * Makes one step of textual inversion, the {@link InversionStep#of}: noises the images and lowers
   * the error of the model's prediction under the prompts.
   *
   * @param index which word, from 0
   * @param images clean latents, (n, C, H, W), float32
   * @param prompts n prompts with the placeholder
   * @param random of noise and times
   * @param scope owner of what lives as long as the step
   * @return the loss before the step
   */
  @CanIgnoreReturnValue
  public double learn(
      int index, NDArray images, List<String> prompts, RandomGenerator random, NDManager scope) {
    return learn(index, () -> inversion.loss(model, images, prompts, random, scope), scope);
  }

  /**
   * Makes one step of Adam.
   *
   * @param loss computed while the placeholder stands for the word
   * @return the loss before the step
   */
  @CanIgnoreReturnValue
  double learn(int index, Supplier<NDArray> loss, NDManager scope) {
    Word word = words.get(index);
    Gradients gradients =
        Capabilities.require(model, InputDifferentiable.class, "learning words")
            .gradients(arrays(word, scope), rows -> bound(rows, rows.get(0).getManager(), loss));
    word.steps++;
    for (int i = 0; i < tables.size(); i++) {
      update(word, i, gradients.values().get(i).toFloatArray(), scope);
    }
    return gradients.loss();
  }

  private void update(Word word, int table, float[] gradient, NDManager scope) {
    try (NDManager small = scope.newSubManager()) {
      NDArray row = small.create(word.rows.get(table));
      NDArray first = small.create(word.first.get(table));
      NDArray second = small.create(word.second.get(table));
      InversionStep.OPTIMIZER.update(
          row, small.create(gradient), first, second, inversion.learningRate(), word.steps);
      word.rows.set(table, row.toFloatArray());
      word.first.set(table, first.toFloatArray());
      word.second.set(table, second.toFloatArray());
    }
  }

  /**
   * Computes while the placeholder stands for a word, such as to encode or to draw.
   *
   * @param index which word, from 0
   * @param scope open until the body has returned; owner of a copy of each table
   * @param body what to compute
   * @param <T> its result
   * @return the result
   */
  public <T> T with(int index, NDManager scope, Supplier<T> body) {
    return bound(new NDList(arrays(words.get(index), scope)), scope, body);
  }

  private List<NDArray> arrays(Word word, NDManager scope) {
    List<NDArray> arrays = new ArrayList<>();
    for (float[] row : word.rows) {
      arrays.add(EngineArrays.copy(scope.create(row, new Shape(1, row.length)), scope));
    }
    return arrays;
  }

  private <T> T bound(NDList rows, NDManager scope, Supplier<T> body) {
    Weights weights = model.weights();
    List<@Nullable NDArray> before = new ArrayList<>();
    for (Table table : tables) {
      before.add(weights.isBound(table.name()) ? weights.get(table.name()) : null);
    }
    try {
      for (int i = 0; i < tables.size(); i++) {
        Table table = tables.get(i);
        weights.bind(table.name(), replaced(table, rows.get(i), scope));
      }
      return body.get();
    } finally {
      for (int i = 0; i < tables.size(); i++) {
        weights.bind(tables.get(i).name(), before.get(i));
      }
    }
  }

  private NDArray replaced(Table table, NDArray row, NDManager scope) {
    NDArray whole = model.weights().get(table.name());
    long count = whole.getShape().get(0);
    NDList parts = new NDList();
    if (table.row() > 0) {
      parts.add(whole.get("0:" + table.row()));
    }
    parts.add(row);
    if (table.row() + 1 < count) {
      parts.add(whole.get((table.row() + 1) + ":" + count));
    }
    NDArray replaced = NDArrays.concat(parts, 0);
    replaced.attach(scope);
    parts.forEach(part -> part.attach(scope));
    return replaced;
  }

  // Saved states

  void save(String prefix, Map<String, NDArray> arrays, Map<String, String> values, NDManager own) {
    for (int i = 0; i < words.size(); i++) {
      Word word = words.get(i);
      values.put(prefix + i + ".steps", Integer.toString(word.steps));
      for (int table = 0; table < tables.size(); table++) {
        String name = prefix + i + "." + tables.get(table).name();
        arrays.put(name + ".row", own.create(word.rows.get(table)));
        arrays.put(name + ".first-moment", own.create(word.first.get(table)));
        arrays.put(name + ".second-moment", own.create(word.second.get(table)));
      }
    }
  }

  void restore(String prefix, TrainingState saved) {
    for (int i = 0; i < words.size(); i++) {
      Word word = words.get(i);
      word.steps = Integer.parseInt(text(saved, prefix + i + ".steps"));
      for (int table = 0; table < tables.size(); table++) {
        String name = prefix + i + "." + tables.get(table).name();
        word.rows.set(table, array(saved, name + ".row").toFloatArray());
        word.first.set(table, array(saved, name + ".first-moment").toFloatArray());
        word.second.set(table, array(saved, name + ".second-moment").toFloatArray());
      }
    }
  }

  private static String text(TrainingState saved, String name) {
    String value = saved.values().get(name);
    Preconditions.checkArgument(value != null, "the saved state lacks '%s'", name);
    return value;
  }

  /** An array of a saved state. */
  static NDArray array(TrainingState saved, String name) {
    NDArray array = saved.arrays().get(name);
    Preconditions.checkArgument(array != null, "the saved state lacks '%s'", name);
    return array;
  }
}
