package dev.ablation.benchmarks;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.flux.FluxLatents;
import dev.ablation.djl.flux.FluxTransformer2DModel;
import dev.ablation.djl.flux.FluxTransformerConfig;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkFiles;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.nn.Weight;
import dev.ablation.djl.train.DjlTraining;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.memory.MemoryUse;
import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.NarrowFloats;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * Time and memory at the published shapes with random bfloat16 weights: SDXL's UNet loads and makes
 * one training step of cross-attention keys and values; FLUX.1's transformer loads, and its first
 * blocks predict.
 *
 * <pre>{@code
 * java -cp CLASS_PATH dev.ablation.benchmarks.RealSizes --model sdxl|flux --folder FOLDER
 *     [--precision BFLOAT16] [--checkpointing true] [--size 512] [--threads 2] [--blocks 2]
 * }</pre>
 *
 * <p>Weights are written to the folder once: 5 GB for SDXL, 24 GB for FLUX.1. For each task it
 * prints seconds, the resident memory at its end, the part of it that is not mapped from files, and
 * the peak since the process began.
 */
public final class RealSizes {
  private static final int PIECE = 4 << 20;
  private static final double GB = 1e9;
  private static final int TOKENS = 77;
  private static final int LATENT_PIXEL = 8;

  private final Arguments arguments;
  private final int latent;

  private RealSizes(Arguments arguments) {
    this.arguments = arguments;
    latent = arguments.get("size", 512) / LATENT_PIXEL;
  }

  /**
   * Runs the measurement.
   *
   * @param args see the class
   * @throws IOException if weights cannot be written or read
   */
  public static void main(String[] args) throws IOException {
    Arguments arguments = new Arguments(args);
    TorchRuntime.useThreads(arguments.get("threads", 2));
    RealSizes sizes = new RealSizes(arguments);
    if (arguments.require("model").equals("flux")) {
      sizes.flux();
    } else {
      sizes.sdxl();
    }
  }

  private void sdxl() throws IOException {
    UNetConfig config = UNetConfig.of(json("sdxl.unet"));
    UNet2DConditionModel unet = new UNet2DConditionModel(config);
    Path file = written("sdxl.unet", unet);
    try (NDManager manager = TorchRuntime.engine().newBaseManager(Device.cpu())) {
      report("load", () -> load(unet, file, manager));
      Precision precision = prepare(unet);
      NamedWeights weights = new NamedWeights().add("unet", unet, WeightRole.DENOISER);
      List<String> trained =
          WeightGroup.crossAttentionKeyValue().select(weights).stream()
              .map(WeightInfo::name)
              .toList();
      NDList inputs =
          new NDList(
              gaussian(manager, "latents", 1, config.inChannels(), latent, latent),
              manager.create(new float[] {500}),
              gaussian(manager, "text", 1, TOKENS, config.crossAttentionDim()),
              gaussian(manager, "pooled", 1, 1280),
              manager.create(new float[] {512, 512, 0, 0, 512, 512}, new Shape(1, 6)));
      try (TrainingSession session =
              new DjlTraining(manager, weights, precision, unet::stopStartToken)
                  .train(trained, new GradientOptions(true));
          NDManager scope = manager.newSubManager()) {
        report(
            "teacher",
            () -> {
              NDArray prediction = session.withBaseWeights(() -> unet.applyAll(inputs).head());
              prediction.attach(scope);
              inputs.add(prediction);
            });
        NDArray anchor = inputs.remove(inputs.size() - 1);
        report(
            "step",
            () -> {
              Gradients gradients =
                  session.gradients(
                      () -> unet.applyAll(inputs).head().sub(anchor.add(1)).square().mean(), scope);
              double norm = session.optimizer(AdamW.reference()).step(gradients.values(), 1e-5, 1);
              System.out.printf(Locale.ROOT, "loss %.5f, norm %.5f%n", gradients.loss(), norm);
            });
      }
    }
  }

  private void flux() throws IOException {
    JsonConfig json = json("flux-dev.transformer");
    FluxTransformer2DModel whole = new FluxTransformer2DModel(FluxTransformerConfig.of(json));
    Path file = written("flux-dev.transformer", whole);
    try (NDManager manager = TorchRuntime.engine().newBaseManager(Device.cpu())) {
      report("load", () -> load(whole, file, manager));
    }
    int blocks = arguments.get("blocks", 2);
    FluxTransformerConfig config =
        FluxTransformerConfig.of(json.with("num_layers", blocks).with("num_single_layers", blocks));
    FluxTransformer2DModel few = new FluxTransformer2DModel(config);
    try (NDManager manager = TorchRuntime.engine().newBaseManager(Device.cpu())) {
      loadSome(few, file, manager);
      prepare(few);
      int text = 512;
      long tokens = (long) latent * latent / 4;
      NDList inputs =
          new NDList(
              gaussian(manager, "latents", 1, tokens, config.inChannels()),
              gaussian(manager, "text", 1, text, config.jointAttentionDim()),
              gaussian(manager, "pooled", 1, config.pooledProjectionDim()),
              manager.create(new float[] {0.5f}),
              FluxLatents.imageIds(latent, latent, manager),
              FluxLatents.textIds(text, manager),
              manager.create(new float[] {3.5f}));
      for (int i = 0; i < 2; i++) {
        report(
            "forward of %d double and %d single blocks, %d tokens"
                .formatted(blocks, blocks, tokens + text),
            () -> GradMode.with(false, () -> few.applyAll(inputs)).close());
      }
    }
  }

  /** Weights of the network alone; others of the file are not read. */
  private static void loadSome(Layer network, Path file, NDManager manager) throws IOException {
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    try (Checkpoint checkpoint = Checkpoint.openFile(file)) {
      for (Map.Entry<String, Weight> entry : weights.entrySet()) {
        entry.getValue().load(checkpoint.readBytes(entry.getKey(), manager), DataType.BFLOAT16);
      }
    }
  }

  private static void load(Layer network, Path file, NDManager manager) throws IOException {
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    List<String> problems = new ArrayList<>();
    try (Checkpoint checkpoint = Checkpoint.openFile(file)) {
      NetworkFiles files =
          NetworkFiles.of("network", checkpoint, weights, TensorMapping.identity(), problems);
      files.fill(manager, WeightDtype.AS_STORED);
    }
    if (!problems.isEmpty()) {
      throw new IllegalStateException(String.join("\n", problems));
    }
  }

  private Precision prepare(Layer network) {
    Precision precision = Precision.valueOf(arguments.get("precision", "BFLOAT16"));
    network.setPrecision(precision);
    network.setGradientCheckpointing(Boolean.parseBoolean(arguments.get("checkpointing", "true")));
    return precision;
  }

  private static NDArray gaussian(NDManager manager, String purpose, long... shape) {
    NDArray values =
        RandomStreams.gaussian(manager, new Shape(shape), RandomStreams.stream(1, purpose, 0));
    return values.duplicate(); // of the engine's memory
  }

  private static JsonConfig json(String name) throws IOException {
    String resource = "real/" + name + ".json";
    try (InputStream in = RealSizes.class.getResourceAsStream(resource)) {
      Path copy = Files.createTempFile("config", ".json");
      try {
        Files.write(copy, Objects.requireNonNull(in, resource).readAllBytes());
        return JsonConfig.read(copy);
      } finally {
        Files.delete(copy);
      }
    }
  }

  private Path written(String name, Layer network) throws IOException {
    Path file = Path.of(arguments.require("folder")).resolve(name + ".safetensors");
    if (!Files.exists(file)) {
      Map<String, TensorSource> sources = new LinkedHashMap<>();
      network.forEachWeight(
          (weight, array) -> sources.put(weight, new RandomBfloat16(weight, array.shape())));
      SafetensorsWriter.writeSources(file, sources, Map.of(), WriteOptions.defaults());
    }
    return file;
  }

  /** Vectors are 1 or, of biases, 0; others are uniform with variance 1 / inputs. */
  private record RandomBfloat16(String name, Shape shape) implements TensorSource {
    @Override
    public Dtype dtype() {
      return Dtype.BF16;
    }

    @Override
    public void writeTo(WritableByteChannel out) throws IOException {
      SplittableRandom random = new SplittableRandom(name.hashCode());
      boolean vector = shape.dimension() == 1;
      float constant = name.endsWith("weight") ? 1 : 0;
      double scale = Math.sqrt(12.0 * shape.get(0) / shape.size());
      ByteBuffer piece = ByteBuffer.allocate(PIECE).order(ByteOrder.LITTLE_ENDIAN);
      while (piece.hasRemaining()) {
        piece.putShort(
            NarrowFloats.toBfloat16(
                vector ? constant : (float) (scale * (random.nextDouble() - 0.5))));
      }
      // Speed does not depend on the values, so that large weights repeat them.
      for (long left = 2 * shape.size(); left > 0; left -= PIECE) {
        piece.position(0).limit((int) Math.min(PIECE, left));
        while (piece.hasRemaining()) {
          out.write(piece);
        }
      }
    }
  }

  /** A task that may read files. */
  @FunctionalInterface
  private interface Task {
    void run() throws IOException;
  }

  private static void report(String name, Task task) throws IOException {
    long start = System.nanoTime();
    task.run();
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf(
        Locale.ROOT,
        "| %s | %.1f s | resident %.2f GB | %s | peak %.2f GB |%n",
        name,
        seconds,
        MemoryUse.resident().orElse(0) / GB,
        anonymous(),
        MemoryUse.peak().orElse(0) / GB);
  }

  private static String anonymous() throws IOException {
    Path status = Path.of("/proc/self/status");
    return Files.exists(status)
        ? Files.readAllLines(status, StandardCharsets.UTF_8).stream()
            .filter(line -> line.startsWith("RssAnon") || line.startsWith("RssFile"))
            .map(line -> line.replaceAll("\\s+", " "))
            .collect(Collectors.joining(", "))
        : "";
  }
}
