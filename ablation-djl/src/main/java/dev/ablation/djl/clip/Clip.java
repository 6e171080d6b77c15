package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.EngineManager;
import dev.ablation.djl.internal.checkpoint.NetworkFiles;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.internal.checkpoint.WeightFiles;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.Weight;
import dev.ablation.djl.nn.WeightSource;
import dev.ablation.djl.train.DjlTraining;
import dev.ablation.image.ImageTransform;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.TextFile;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.model.Differentiable;
import dev.ablation.model.WeightRole;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * CLIP: a text model and a vision model whose embeddings can be compared (Radford et al. 2021,
 * arXiv 2103.00020). Opened from a folder in the layout of transformers: {@code config.json},
 * {@code model.safetensors}, the tokenizer's files and, where the input is not prepared in the
 * published way, {@code preprocessor_config.json}.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="clip"}
 *
 * <p>The methods on arrays record gradients where they are called inside of a training session or
 * of {@link dev.ablation.djl.train.InputGradient}, so that the model can be trained, and guide an
 * image. B is the number of images, P the width of an embedding, T the text model's context.
 *
 * <p>Weights are kept in float32, or as {@link LoadOptions#weightDtype} says. One thread at a time.
 * Holds native memory: close it.
 */
public final class Clip implements TextImageEncoder, AutoCloseable {
  private static final Set<String> IGNORED =
      Set.of("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids");

  private static final Kernel NORMALISE =
      Kernel.of("(x, m, s): return torch.div(torch.sub(x, m), s)");

  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  private final Path folder;
  private final Path tokenizerFolder;
  private final ClipConfig config;
  private final Optional<ImageTransform> transform;
  private final ClipTextModel textModel;
  private final ClipVisionModel visionModel;
  private final ClipProjections projections;
  private final NamedWeights weights;
  private final ClipTokenizer tokenizer;
  private final NDManager manager;
  private final DjlTraining training;
  private final Kernel resize;
  private boolean closed;

  private Clip(
      Path folder, LoadOptions options, ClipConfig config, Optional<ImageTransform> transform)
      throws IOException {
    this.folder = folder;
    this.config = config;
    this.transform = transform;
    tokenizerFolder = options.tokenizer().orElse(folder);
    textModel = new ClipTextModel(config.text());
    visionModel = new ClipVisionModel(config.vision());
    projections = new ClipProjections(config);
    weights =
        new NamedWeights()
            .add("text_model", "", textModel, name -> WeightRole.TEXT_ENCODER)
            .add("vision_model", "", visionModel, name -> WeightRole.IMAGE_ENCODER)
            .add(
                "projections",
                "",
                projections,
                name ->
                    name.startsWith("text") ? WeightRole.TEXT_ENCODER : WeightRole.IMAGE_ENCODER);
    tokenizer = ClipTokenizer.load(tokenizerFolder, config.text(), folder);
    try {
      manager = EngineManager.of(options);
    } catch (RuntimeException | Error e) {
      tokenizer.close();
      throw e;
    }
    training = new DjlTraining(manager, weights, stop -> {});
    resize =
        Kernel.of(
            "(x): return torch._upsample_bicubic2d_aa(x, [%1$d, %1$d], False, None, None)"
                .formatted(config.vision().imageSize()));
  }

  /**
   * Opens a model with {@link LoadOptions#defaults()}.
   *
   * @param folder in the layout of transformers
   * @return the model
   * @throws InvalidCheckpointException if the files do not fit; names every difference
   * @throws IOException if a file is missing, malformed or cannot be read
   */
  public static Clip load(Path folder) throws IOException {
    return load(folder, LoadOptions.defaults());
  }

  /**
   * Opens a model.
   *
   * @param folder in the layout of transformers
   * @param options how it is opened
   * @return the model
   * @throws InvalidCheckpointException if the files do not fit; names every difference
   * @throws IOException if a file is missing, malformed or cannot be read
   */
  public static Clip load(Path folder, LoadOptions options) throws IOException {
    Clip clip = open(folder, options);
    try {
      Map<String, Weight> weights = new LinkedHashMap<>();
      clip.forEachWeight(weights::put);
      List<String> problems = new ArrayList<>();
      try (Checkpoint checkpoint =
          Checkpoint.open(
              folder,
              WeightFiles.TRANSFORMERS_STEM,
              options.variant().orElse(null),
              options.access())) {
        NetworkFiles files =
            NetworkFiles.of(
                "clip",
                checkpoint,
                weights,
                TensorMapping.identity().ignoring(IGNORED::contains),
                problems);
        if (problems.isEmpty()) {
          files.fill(clip.manager, options.weightDtype());
        }
      }
      if (!problems.isEmpty()) {
        throw new InvalidCheckpointException(folder, problems);
      }
      return clip;
    } catch (IOException | RuntimeException | Error e) {
      clip.close();
      throw e;
    }
  }

  /**
   * Creates a model with random weights, to be trained. The folder has everything but the weights.
   *
   * @param folder with {@code config.json} and the tokenizer's files
   * @param options how it is opened
   * @param seed of the weights
   * @return the model
   * @throws IOException if a file is missing, malformed or cannot be read
   */
  public static Clip untrained(Path folder, LoadOptions options, long seed) throws IOException {
    Clip clip = open(folder, options);
    try {
      ClipInitialization initialization = new ClipInitialization(clip.config, seed, clip.manager);
      clip.forEachWeight((name, weight) -> weight.load(initialization.draw(name, weight.shape())));
      return clip;
    } catch (RuntimeException | Error e) {
      clip.close();
      throw e;
    }
  }

  private static Clip open(Path folder, LoadOptions options) throws IOException {
    JsonConfig json = JsonConfig.read(folder.resolve("config.json"));
    ClipConfig config = ClipConfig.of(json);
    return new Clip(
        folder, options, config, ClipPreprocessor.read(folder, config.vision().imageSize()));
  }

  private void forEachWeight(BiConsumer<String, Weight> visitor) {
    textModel.forEachWeight(visitor);
    visionModel.forEachWeight(visitor);
    projections.forEachWeight(visitor);
  }

  /** {@return shapes and options} */
  public ClipConfig config() {
    return config;
  }

  /**
   * {@return the way from an image to the vision model's input}
   *
   * @throws IllegalStateException if the folder does not state it: with another one than that of
   *     training, all scores would be wrong
   */
  public ImageTransform transform() {
    return transform.orElseThrow(() ->
        new IllegalStateException(
            folder
                + " must have preprocessor_config.json, or processor_config.json with"
                + " image_processor, which state size, mean and deviation of images"));
  }

  /** {@return the tokenizer; closed with the model} */
  public ClipTokenizer tokenizer() {
    return tokenizer;
  }

  /** {@return the text model} */
  public ClipTextModel textModel() {
    return textModel;
  }

  /** {@return the vision model} */
  public ClipVisionModel visionModel() {
    return visionModel;
  }

  /** {@return the parent of every array that the model makes; do not close it} */
  public NDManager manager() {
    return manager;
  }

  /** {@return the weights, under the names of the files} */
  public NamedWeights weights() {
    return weights;
  }

  /** {@return training of the weights, of all if {@link #weights()} are all named} */
  public Differentiable training() {
    return training;
  }

  /**
   * The name is the folder's; the hash is {@link NamedWeights#sha256()}, since the weights may lie
   * in several files, or be trained.
   */
  @Override
  public ExtractorInfo info() {
    checkOpen();
    return new ExtractorInfo(
        "clip " + folder.toAbsolutePath().normalize().getFileName(),
        weights.sha256(),
        config.projectionSize(),
        transform().toString());
  }

  @Override
  public double logitScale() {
    checkOpen();
    return projections.scale();
  }

  @Override
  public FeatureMatrix extract(List<BufferedImage> images) {
    checkOpen();
    try (NDManager scope = manager.newSubManager()) {
      NDArray input = transform().apply(images, scope);
      NDArray embeddings = GradMode.with(false, () -> embedImages(input));
      return FeatureMatrix.of(embeddings.toFloatArray(), config.projectionSize());
    }
  }

  @Override
  public FeatureMatrix encode(List<String> texts) {
    checkOpen();
    try (NDManager scope = manager.newSubManager()) {
      NDArray ids = tokenIds(texts, scope);
      NDArray embeddings = GradMode.with(false, () -> embedTexts(ids));
      return FeatureMatrix.of(embeddings.toFloatArray(), config.projectionSize());
    }
  }

  /**
   * Reads texts as the text model's input.
   *
   * @param texts at least one
   * @param owner of the result
   * @return token ids (n, T), int64
   */
  public NDArray tokenIds(List<String> texts, NDManager owner) {
    if (texts.isEmpty()) {
      throw new IllegalArgumentException("texts must not be empty");
    }
    return tokenizer.encode(texts, owner);
  }

  /**
   * Prepares images differentiably: resizes them to the model's size where it is another, by
   * bicubic interpolation with antialiasing, and normalises them by the model's means and
   * deviations. (What {@link #transform} does to an image of bytes in addition, rounding and
   * cutting, has no gradient.)
   *
   * @param images square, (B, 3, h, h), in 0..1, float32
   * @return the vision model's input, attached to the manager of {@code images}
   * @throws IllegalArgumentException if the shape differs
   */
  public NDArray prepare(NDArray images) {
    checkOpen();
    Shape shape = images.getShape();
    if (shape.dimension() != 4 || shape.get(1) != 3 || shape.get(2) != shape.get(3)) {
      throw new IllegalArgumentException("images: expected (B, 3, h, h), was " + shape);
    }
    NDManager scope = images.getManager();
    try (NDArray mean = channels(transform().mean(), scope);
        NDArray deviation = channels(transform().std(), scope)) {
      return GradMode.asRequested(() ->
          shape.get(2) == config.vision().imageSize()
              ? NORMALISE.call(images, mean, deviation)
              : NORMALISE.applyAndClose(resize.call(images), mean, deviation));
    }
  }

  private static NDArray channels(List<Double> values, NDManager scope) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).floatValue();
    }
    try (NDArray onHeap = scope.create(floats, new Shape(1, floats.length, 1, 1))) {
      return onHeap.duplicate(); // read again by the backward pass
    }
  }

  /**
   * Embeds images.
   *
   * @param input (B, 3, s, s), normalised, of the model's size s
   * @return (B, P), not normalised, attached to the manager of {@code input}
   * @throws IllegalArgumentException if the shape differs
   */
  public NDArray embedImages(NDArray input) {
    checkImages(input);
    return GradMode.asRequested(() -> {
      try (NDList states = visionModel.applyAll(new NDList(input))) {
        return projections.ofImages(states.get(0));
      }
    });
  }

  /**
   * Embeds texts.
   *
   * @param ids of {@link #tokenIds}, (n, T)
   * @return (n, P), not normalised, attached to the manager of {@code ids}
   */
  public NDArray embedTexts(NDArray ids) {
    checkOpen();
    return GradMode.asRequested(() -> {
      try (NDList states = textModel.applyAll(new NDList(ids));
          NDArray pooled = textModel.pooled(states.get(0), ids)) {
        return projections.ofTexts(pooled);
      }
    });
  }

  /**
   * Compares embeddings: cosines times the trained scale, which is what a contrastive loss is
   * computed on.
   *
   * @param images embeddings (B, P)
   * @param texts embeddings (n, P)
   * @return (B, n), attached to the manager of {@code images}
   */
  public NDArray logits(NDArray images, NDArray texts) {
    checkOpen();
    return GradMode.asRequested(() -> projections.logits(images, texts));
  }

  /**
   * Writes the model as a folder that {@link #load} opens: the weights as they are now, the
   * tokenizer's files and the configuration copied.
   *
   * @param target new folder
   * @param format of the weights, {@link Dtype#F16} or {@link Dtype#F32}
   * @throws IOException if it exists or cannot be written
   */
  public void save(Path target, Dtype format) throws IOException {
    checkOpen();
    AtomicFiles.writeFolder(
        target,
        to -> {
          JsonObject json =
              JsonParser.parseString(TextFile.read(folder.resolve("config.json")))
                  .getAsJsonObject();
          json.remove("torch_dtype");
          json.addProperty("dtype", format == Dtype.F16 ? "float16" : "float32");
          Files.writeString(to.resolve("config.json"), GSON.toJson(json) + "\n");
          for (String file : ClipPreprocessor.FILES) {
            copyIfThere(folder, file, to);
          }
          for (String file :
              List.of(
                  "tokenizer.json",
                  "tokenizer_config.json",
                  "vocab.json",
                  "merges.txt",
                  "special_tokens_map.json",
                  "added_tokens.json")) {
            copyIfThere(tokenizerFolder, file, to);
          }
          Map<String, TensorSource> sources = new LinkedHashMap<>();
          for (Layer network : List.of(textModel, visionModel, projections)) {
            sources.putAll(WeightSource.of(network));
          }
          SafetensorsWriter.writeSources(
              to.resolve("model.safetensors"),
              sources,
              Map.of("format", "pt"),
              WriteOptions.defaults().storingFloatsAs(format));
        });
  }

  private static void copyIfThere(Path from, String file, Path to) throws IOException {
    if (Files.exists(from.resolve(file))) {
      Files.copy(from.resolve(file), to.resolve(file));
    }
  }

  private void checkImages(NDArray images) {
    checkOpen();
    Shape shape = images.getShape();
    int size = config.vision().imageSize();
    if (shape.dimension() != 4
        || shape.get(1) != 3
        || shape.get(2) != size
        || shape.get(3) != size) {
      throw new IllegalArgumentException(
          "images: expected (B, 3, %1$d, %1$d), was %2$s".formatted(size, shape));
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("the CLIP model is closed");
    }
  }

  /** Frees weights and tokenizer. Closing twice does nothing. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      tokenizer.close();
      manager.close();
    }
  }
}
