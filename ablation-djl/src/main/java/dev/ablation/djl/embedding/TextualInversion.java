package dev.ablation.djl.embedding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import dev.ablation.djl.internal.torchfile.NamedTensors;
import dev.ablation.internal.FileReading;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A token that the model's publisher did not know, and its vectors: one or several for each text
 * encoder (Gal et al. 2022, "An Image is Worth One Word"). Immutable.
 *
 * {@snippet class="dev.ablation.djl.embedding.TextualInversionTest" region="open"}
 *
 * <p>A token {@code t} with n vectors stands for the tokens {@code t}, {@code t_1} to {@code
 * t_(n-1)}, as in diffusers: prompts contain {@code t} alone.
 */
public final class TextualInversion {
  private static final String FIRST_OF_XL = "clip_l";
  private static final String SECOND_OF_XL = "clip_g";
  private static final Set<String> XL = Set.of(FIRST_OF_XL, SECOND_OF_XL);

  /** Name of the tensor in the safetensors files of stable-diffusion-webui (A1111). */
  private static final String WEBUI = "emb_params";

  /** Beginning of the tensor's name in its pickles, and in those of the original code. */
  private static final String WEBUI_PICKLE = "string_to_param.";

  private static final String NAME = "name";

  /** More do not fit into a prompt of CLIP. */
  private static final int MAX_VECTORS = 75;

  private final String token;
  private final List<float[][]> vectors;

  private TextualInversion(String token, List<float[][]> vectors) {
    this.token = token;
    this.vectors = vectors;
    if (token.isBlank() || !token.equals(token.strip())) {
      throw new IllegalArgumentException(
          "token must not be blank or begin or end with white space, was '" + token + "'");
    }
    for (float[][] each : vectors) {
      if (each.length < 1 || each.length > MAX_VECTORS || each.length != vectors.get(0).length) {
        throw new IllegalArgumentException(
            "token '%s' must have 1 to %d vectors, as many for each text encoder, has %s"
                .formatted(token, MAX_VECTORS, vectors.stream().map(v -> v.length).toList()));
      }
      for (float[] vector : each) {
        if (vector.length < 1 || vector.length != each[0].length) {
          throw new IllegalArgumentException(
              "all vectors of token '%s' for a text encoder must have the same width"
                  .formatted(token));
        }
        for (float value : vector) {
          if (!Float.isFinite(value)) {
            throw new IllegalArgumentException(
                "vectors of token '%s' must be finite, one has %s".formatted(token, value));
          }
        }
      }
    }
  }

  /**
   * Creates a token for a model with one text encoder.
   *
   * @param token in prompts
   * @param vectors of shape (n, D), D being the width of the text encoder; copied
   * @return the token
   * @throws IllegalArgumentException if the token is blank, or the vectors are not finite, not of
   *     one width or more than 75
   */
  public static TextualInversion of(String token, float[][] vectors) {
    return new TextualInversion(token, List.<float[][]>of(copy(vectors)));
  }

  /**
   * Creates a token for Stable Diffusion XL.
   *
   * @param token in prompts
   * @param clipL (n, 768), for the first text encoder; copied
   * @param clipG (n, 1280), for the second one; copied
   * @return the token
   * @throws IllegalArgumentException as {@link #of(String, float[][])}, or if the numbers of
   *     vectors differ
   */
  public static TextualInversion of(String token, float[][] clipL, float[][] clipG) {
    return new TextualInversion(token, List.of(copy(clipL), copy(clipG)));
  }

  /**
   * Reads a file: {@code learned_embeds} of diffusers, an embedding of stable-diffusion-webui or
   * the original code, or one of Stable Diffusion XL; safetensors, or a pickle ({@code .bin},
   * {@code .pt}), of which nothing is run.
   *
   * @param file any of these
   * @return the token that the file names, else the file's name without its ending
   * @throws IOException if the file cannot be read, is damaged or is none of these
   */
  public static TextualInversion load(Path file) throws IOException {
    return read(file, null);
  }

  /**
   * Reads a file as {@link #load(Path)}, for another token.
   *
   * @param file see {@link #load(Path)}
   * @param token for prompts, whatever the file says
   * @return the token
   * @throws IOException see {@link #load(Path)}
   */
  public static TextualInversion load(Path file, String token) throws IOException {
    return read(file, Objects.requireNonNull(token, "token"));
  }

  private static TextualInversion read(Path file, @Nullable String token) throws IOException {
    return FileReading.of(
        file,
        () -> {
          try (NamedTensors tensors = NamedTensors.open(file);
              NDManager scope = TorchRuntime.engine().newBaseManager()) {
            if (tensors.names().equals(XL)) {
              return new TextualInversion(
                  token != null ? token : named(tensors),
                  List.of(
                      vectors(tensors, FIRST_OF_XL, scope), vectors(tensors, SECOND_OF_XL, scope)));
            }
            List<String> names =
                tensors.names().stream()
                    .filter(name -> !isWebui(tensors) || name.startsWith(WEBUI_PICKLE))
                    .toList();
            if (names.size() != 1) {
              throw new IllegalArgumentException(
                  ("a file of textual inversion must hold the vectors of one token, or %s and %s"
                          + " for Stable Diffusion XL; this one holds %s")
                      .formatted(
                          FIRST_OF_XL,
                          SECOND_OF_XL,
                          tensors.names().stream().limit(5).collect(Collectors.toList())));
            }
            String name = names.get(0);
            boolean nameless = name.equals(WEBUI) || name.startsWith(WEBUI_PICKLE);
            return new TextualInversion(
                token != null ? token : nameless ? named(tensors) : name,
                List.<float[][]>of(vectors(tensors, name, scope)));
          }
        });
  }

  private static boolean isWebui(NamedTensors tensors) {
    return tensors.names().stream().anyMatch(name -> name.startsWith(WEBUI_PICKLE));
  }

  /** The name inside the file, or else its own. */
  private static String named(NamedTensors tensors) {
    String inside = tensors.text(NAME);
    if (inside != null && !inside.isBlank()) {
      return inside.strip();
    }
    String own = Objects.toString(tensors.path().getFileName());
    int dot = own.lastIndexOf('.');
    return dot < 1 ? own : own.substring(0, dot);
  }

  private static float[][] vectors(NamedTensors tensors, String name, NDManager scope)
      throws IOException {
    Shape shape = tensors.shape(name);
    if (shape.dimension() < 1 || shape.dimension() > 2 || shape.size() == 0) {
      throw new IllegalArgumentException(
          "vectors '%s' must have shape (n, width) or (width), have %s".formatted(name, shape));
    }
    float[] values = tensors.readFloat32(name, scope).toFloatArray();
    int width = Math.toIntExact(shape.get(shape.dimension() - 1));
    float[][] vectors = new float[values.length / width][width];
    for (int i = 0; i < vectors.length; i++) {
      System.arraycopy(values, i * width, vectors[i], 0, width);
    }
    return vectors;
  }

  private static float[][] copy(float[][] vectors) {
    float[][] copy = new float[vectors.length][];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = vectors[i].clone();
    }
    return copy;
  }

  /** {@return the token that prompts contain} */
  public String token() {
    return token;
  }

  /** {@return all its tokens: {@code t}, {@code t_1} and so on, one for each vector} */
  public List<String> tokens() {
    List<String> tokens = new ArrayList<>();
    tokens.add(token);
    for (int i = 1; i < vectors.get(0).length; i++) {
      tokens.add(token + "_" + i);
    }
    return tokens;
  }

  /** {@return 1, or 2 for Stable Diffusion XL} */
  public int textEncoders() {
    return vectors.size();
  }

  /**
   * Returns the vectors for a text encoder.
   *
   * @param textEncoder 0, or 1 for the second one
   * @return (n, D); a copy
   */
  public float[][] vectors(int textEncoder) {
    return copy(vectors.get(textEncoder));
  }

  /**
   * Writes the file that diffusers' {@code load_textual_inversion} reads, {@code
   * learned_embeds.safetensors}; for Stable Diffusion XL the file that all tools read, with {@code
   * clip_l} and {@code clip_g}, whose token is the file's name.
   *
   * @param file must not exist
   * @throws java.nio.file.FileAlreadyExistsException if the file exists
   * @throws IOException if it cannot be written
   */
  public void save(Path file) throws IOException {
    write(file, vectors.size() == 1 ? List.of(token) : List.of(FIRST_OF_XL, SECOND_OF_XL));
  }

  /**
   * Writes the file that stable-diffusion-webui and ComfyUI read from their folder of embeddings.
   * There the file's name is the token.
   *
   * @param file must not exist
   * @throws java.nio.file.FileAlreadyExistsException if the file exists
   * @throws IOException if it cannot be written
   */
  public void saveForWebui(Path file) throws IOException {
    write(file, vectors.size() == 1 ? List.of(WEBUI) : List.of(FIRST_OF_XL, SECOND_OF_XL));
  }

  private void write(Path file, List<String> names) throws IOException {
    try (NDManager scope = TorchRuntime.engine().newBaseManager()) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      for (int i = 0; i < names.size(); i++) {
        arrays.put(names.get(i), scope.create(vectors.get(i)));
      }
      SafetensorsWriter.write(
          file, arrays, Map.of(NAME, token), WriteOptions.defaults().refusingExisting());
    }
  }

  @Override
  public String toString() {
    return "token '%s', %s"
        .formatted(
            token,
            vectors.stream()
                .map(each -> each.length + " vectors of " + each[0].length)
                .collect(Collectors.joining(" and ")));
  }
}
