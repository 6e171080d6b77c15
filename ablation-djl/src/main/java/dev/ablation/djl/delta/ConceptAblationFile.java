package dev.ablation.djl.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.internal.checkpoint.SingleFileLayout;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.internal.checkpoint.TensorPiece;
import dev.ablation.djl.internal.torchfile.NamedTensors;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.Finite;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.provenance.Provenance;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The files that the published code of concept ablation (Kumari et al. 2023) writes: {@code
 * delta.bin} and {@code delta-<step>} of its diffusers branch, {@code delta_<epoch>.ckpt} of its
 * compvis branch, and the same tensors as safetensors. They are Python pickles; no program in them
 * is ever run.
 *
 * {@snippet class="dev.ablation.djl.delta.ConceptAblationFileTest" region="load"}
 *
 * <p>A file holds the ablated weights themselves, not differences. The delta is the difference to
 * the model at hand, so the model must be the one that was ablated. A tensor {@code embed} of the
 * compvis branch takes the place of the last rows of the token embeddings.
 */
public final class ConceptAblationFile {
  private static final String UNET = "unet.";
  private static final String TEXT_ENCODER = "text_encoder.";
  private static final String TEXT_MODEL = "text_model.";
  private static final String EMBED = "embed";
  private static final Set<String> BUFFERS =
      Set.of("text_model.embeddings.position_ids", "embeddings.position_ids");

  private ConceptAblationFile() {}

  /**
   * Reads a file.
   *
   * @param file {@code .bin}, {@code .ckpt} or {@code .safetensors}; its content decides
   * @param model the base model that was ablated
   * @return the difference between the file's weights and the model's, owned by the caller
   * @throws IOException if the file cannot be read, is damaged, holds what is not allowed in it, a
   *     tensor that the model has no place for, or a number that is not finite; the message names
   *     it
   */
  public static WeightDelta load(Path file, DiffusionModel model) throws IOException {
    return FileReading.of(
        file,
        () -> {
          try (NamedTensors tensors = NamedTensors.open(file);
              NDManager scope = model.newScope()) {
            Map<String, String> places = places(tensors, model);
            Map<String, NDArray> weights = new LinkedHashMap<>();
            for (Map.Entry<String, String> place : places.entrySet()) {
              NDArray array = tensors.readFloat32(place.getValue(), scope);
              Finite.largest(array, place.getValue());
              NDArray there = array.toDevice(model.manager().getDevice(), false);
              there.attach(scope);
              weights.put(place.getKey(), withFirstRows(there, place.getKey(), model, scope));
            }
            return WeightDelta.between(
                model.weights(),
                weights,
                model.manager(),
                provenance(file, model, weights.keySet()));
          }
        });
  }

  /** Finds the weight of every tensor, by the weight's name; reports all that have none at once. */
  private static Map<String, String> places(NamedTensors tensors, DiffusionModel model) {
    Map<String, WeightInfo> weights =
        model.weights().list().stream()
            .collect(
                Collectors.toMap(WeightInfo::name, info -> info, (a, b) -> a, LinkedHashMap::new));
    TensorMapping compvis = compvis(weights.keySet());
    Map<String, String> places = new LinkedHashMap<>();
    List<String> problems = new ArrayList<>();
    for (String tensor : tensors.names()) {
      if (isBuffer(tensor)) {
        continue;
      }
      String weight = weight(tensor, weights, compvis);
      WeightInfo info = weights.get(weight);
      Shape shape = tensors.shape(tensor);
      if (info == null) {
        problems.add(tensor + ": the model has no such weight");
      } else if (!fits(tensor, shape, info.shape())) {
        problems.add(
            "%s: shape %s in the file, %s in the model".formatted(tensor, shape, info.shape()));
      } else if (places.put(weight, tensor) != null) {
        problems.add(tensor + ": a second tensor for the same weight");
      }
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(
          "%d of %d tensors do not fit model '%s': %s"
              .formatted(
                  problems.size(),
                  tensors.names().size(),
                  model.descriptor().name(),
                  problems.stream().limit(5).collect(Collectors.joining("; "))));
    }
    if (places.isEmpty()) {
      throw new IllegalArgumentException(
          "it must hold weights under 'unet', 'text_encoder' or 'state_dict', has none");
    }
    return places;
  }

  private static boolean isBuffer(String tensor) {
    return tensor.startsWith(TEXT_ENCODER)
        && BUFFERS.contains(tensor.substring(TEXT_ENCODER.length()));
  }

  private static TensorMapping compvis(Set<String> weights) {
    Set<String> unet =
        weights.stream()
            .filter(name -> name.startsWith(UNET))
            .map(name -> name.substring(UNET.length()))
            .collect(Collectors.toCollection(LinkedHashSet::new));
    return SingleFileLayout.LDM_UNET.mapping("model.diffusion_model.", unet);
  }

  private static String weight(
      String tensor, Map<String, WeightInfo> weights, TensorMapping compvis) {
    if (tensor.equals(EMBED)) {
      return weights.values().stream()
          .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
          .map(WeightInfo::name)
          .findFirst()
          .orElse(tensor);
    }
    if (tensor.startsWith(TEXT_ENCODER) && !weights.containsKey(tensor)) {
      // transformers 5.6 dropped "text_model." from the names of its modules
      return TEXT_ENCODER + TEXT_MODEL + tensor.substring(TEXT_ENCODER.length());
    }
    if (weights.containsKey(tensor)) {
      return tensor;
    }
    List<TensorPiece> pieces = compvis.pieces(tensor);
    return pieces.size() == 1 ? UNET + pieces.get(0).weight() : tensor;
  }

  private static boolean fits(String tensor, Shape shape, Shape weight) {
    return tensor.equals(EMBED)
        ? shape.dimension() == 2
            && shape.get(1) == weight.get(1)
            && shape.get(0) >= 1
            && shape.get(0) <= weight.get(0)
        : shape.equals(weight);
  }

  /** The rows of a table that a file does not replace are the model's. */
  private static NDArray withFirstRows(
      NDArray array, String weight, DiffusionModel model, NDManager scope) {
    long rows = model.weights().get(weight).getShape().get(0) - array.getShape().get(0);
    if (rows == 0) {
      return array;
    }
    try (NDArray table = model.weights().copy(weight, scope);
        NDArray first = table.get("0:" + rows)) {
      NDArray whole = NDArrays.concat(new NDList(first, array), 0);
      whole.attach(scope);
      return whole;
    }
  }

  private static Provenance provenance(Path file, DiffusionModel model, Set<String> names) {
    Map<String, String> hashes = new TreeMap<>();
    names.forEach(name -> hashes.put(name, model.weights().sha256(name)));
    return new Provenance(
        "unknown",
        model.descriptor().name(),
        model.weights().sha256(),
        hashes,
        Map.of("delta.file", Objects.toString(file.getFileName())),
        Map.of());
  }
}
