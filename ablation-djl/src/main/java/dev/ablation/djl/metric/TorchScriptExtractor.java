package dev.ablation.djl.metric;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import dev.ablation.djl.internal.kernel.TorchScriptModule;
import dev.ablation.image.ImageTransform.Size;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;

/**
 * Extracts features with any TorchScript file whose module maps images {@code (n, 3, h, w)},
 * float32, to one tensor of n rows, such as SSCD or Inception.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="torch-script"}
 *
 * <p><b>A TorchScript file is a program.</b> Loading it passes its code and its pickled data to the
 * engine, which executes them with the privileges of this process. This library does not read the
 * pickle and cannot check the code. It loads only the file that the caller names and downloads
 * nothing: get the file from its publisher and compare its SHA-256, which every result contains.
 *
 * <p>Holds native memory: close it.
 */
public final class TorchScriptExtractor implements FeatureExtractor, AutoCloseable {
  private final Path file;
  private final TorchScriptModule module;
  private final TorchScriptSettings settings;
  private final ExtractorInfo info;

  private TorchScriptExtractor(
      Path file, String sha256, TorchScriptModule module, TorchScriptSettings settings) {
    this.file = file;
    this.module = module;
    this.settings = settings;
    BufferedImage image =
        new BufferedImage(settings.trialSize(), settings.trialSize(), BufferedImage.TYPE_INT_RGB);
    FeatureMatrix trial = run(Collections.nCopies(2, image));
    if (settings.dimension() > 0 && trial.dimension() != settings.dimension()) {
      throw new IllegalArgumentException(
          "%s: must return %d features for each image, returned %d"
              .formatted(file, settings.dimension(), trial.dimension()));
    }
    info =
        new ExtractorInfo(
            settings.name(), sha256, trial.dimension(), settings.transform().toString());
  }

  /**
   * Loads a file and tests it on two black images.
   *
   * @param file a file written by {@code torch.jit.save}, from a source that the caller trusts
   * @param settings the settings
   * @return the extractor
   * @throws IOException if the file cannot be read or is not a TorchScript file
   * @throws IllegalArgumentException if the module fails on the test images or does not return one
   *     row of features for each; the message says what it returned
   */
  public static TorchScriptExtractor load(Path file, TorchScriptSettings settings)
      throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file.toString(), null, "no such TorchScript file");
    }
    String sha256 = sha256(file);
    Device device = settings.device().orElseGet(TorchRuntime::bestDevice);
    TorchScriptModule module = TorchScriptModule.load(file, device);
    try {
      return new TorchScriptExtractor(file, sha256, module, settings);
    } catch (RuntimeException | Error e) {
      module.close();
      throw e;
    }
  }

  @Override
  public ExtractorInfo info() {
    return info;
  }

  @Override
  public FeatureMatrix extract(List<BufferedImage> images) {
    if (images.isEmpty()) {
      throw new IllegalArgumentException("images must not be empty");
    }
    List<FeatureMatrix> parts = new ArrayList<>();
    int first = 0;
    for (int i = 1; i <= images.size(); i++) {
      if (i == images.size() || !size(images.get(i)).equals(size(images.get(first)))) {
        parts.add(run(images.subList(first, i)));
        first = i;
      }
    }
    FeatureMatrix features = FeatureMatrix.concat(parts);
    if (features.dimension() != info.dimension()) {
      throw new IllegalArgumentException(
          "%s: must return %d features for each image, returned %d"
              .formatted(file, info.dimension(), features.dimension()));
    }
    return features;
  }

  private Size size(BufferedImage image) {
    return settings.transform().sizeOf(image);
  }

  private FeatureMatrix run(List<BufferedImage> images) {
    try (NDManager scope = module.manager().newSubManager()) {
      NDArray input = settings.transform().apply(images, scope);
      NDList outputs = module.forward(input, settings.flags(), scope);
      if (outputs.size() != 1) {
        throw new IllegalArgumentException("must return one tensor, returned " + outputs.size());
      }
      NDArray output = outputs.head();
      Shape shape = output.getShape();
      if (shape.dimension() < 2 || shape.get(0) != images.size() || shape.size() == 0) {
        throw new IllegalArgumentException(
            "must return one row of features for each image, (%d, d); returned shape %s"
                .formatted(images.size(), shape));
      }
      NDArray floats = output.toType(DataType.FLOAT32, false);
      return FeatureMatrix.of(floats.toFloatArray(), Math.toIntExact(shape.size() / images.size()));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  private static String sha256(Path file) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Frees the native memory. The extractor cannot be used afterwards. */
  @Override
  public void close() {
    module.close();
  }
}
