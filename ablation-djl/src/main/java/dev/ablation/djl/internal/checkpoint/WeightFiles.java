package dev.ablation.djl.internal.checkpoint;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.internal.JsonFormatException;
import dev.ablation.internal.StrictJson;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.TextFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The files that hold the weights of one part of a model, such as its folder {@code unet}. They are
 * found in the order of the Python libraries, for a variant <i>V</i> or none:
 *
 * <ol>
 *   <li>the index {@code STEM.safetensors.index[.V].json}, which names shards;
 *   <li>with a variant, the older index {@code STEM.safetensors.V.index.json};
 *   <li>{@code STEM[.V].safetensors}.
 * </ol>
 *
 * <p>If no variant is requested and there are no files without one, but files of exactly one
 * variant, that one is taken. Python requires its name, although there is only one choice. The
 * variant does not determine the number format; the files do. A variant that was asked for and is
 * missing is an error, never replaced by another.
 *
 * @param folder the folder of the part
 * @param stem the beginning of the file names
 * @param variant the variant that was found, or {@code null}
 * @param index the index, or {@code null} if one file holds everything
 * @param files the safetensors files, in the order of their names; at least one
 * @param shardOf for an index, the file of each tensor; otherwise empty
 */
public record WeightFiles(
    Path folder,
    String stem,
    @Nullable String variant,
    @Nullable Path index,
    List<Path> files,
    Map<String, Path> shardOf) {

  /** The stem of parts that diffusers writes: {@code unet}, {@code vae}. */
  public static final String DIFFUSERS_STEM = "diffusion_pytorch_model";

  /** The stem of parts that transformers writes: {@code text_encoder}, {@code safety_checker}. */
  public static final String TRANSFORMERS_STEM = "model";

  private static final String SUFFIX = ".safetensors";
  private static final Pattern VARIANT = Pattern.compile("[A-Za-z0-9_-]+");
  private static final Pattern SHARD = Pattern.compile(".*-\\d{5}-of-\\d{5}");
  private static final List<String> PICKLES = List.of(".bin", ".pt", ".pth", ".ckpt");

  /**
   * Checks that nothing is null and makes the collections unmodifiable.
   *
   * @throws IllegalArgumentException if there is no file
   */
  public WeightFiles {
    Objects.requireNonNull(folder, "folder");
    Objects.requireNonNull(stem, "stem");
    files = List.copyOf(files);
    shardOf = Collections.unmodifiableMap(new LinkedHashMap<>(shardOf));
    if (files.isEmpty()) {
      throw new IllegalArgumentException("files must not be empty, was " + files);
    }
  }

  /**
   * Finds the weights of a part.
   *
   * @param folder the folder of the part
   * @param stem the beginning of the file names, such as {@link #DIFFUSERS_STEM}
   * @param variant the variant to take, such as {@code fp16}; {@code null} for none in particular
   * @return the files; the index was read and its shards exist, the files were not opened
   * @throws IllegalArgumentException if the variant has other characters than letters, digits,
   *     {@code _} and {@code -}
   * @throws NoSuchFileException if the folder does not exist
   * @throws InvalidCheckpointException if it holds no such weights, only Python pickles, several
   *     variants of which none was chosen, or an index that is not sound
   * @throws IOException if it cannot be read
   */
  public static WeightFiles find(Path folder, String stem, @Nullable String variant)
      throws IOException {
    Objects.requireNonNull(stem, "stem");
    if (variant != null && !VARIANT.matcher(variant).matches()) {
      throw new IllegalArgumentException(
          "variant must be of letters, digits, _ and -, was '" + variant + "'");
    }
    if (!Files.exists(folder)) {
      throw new NoSuchFileException(
          folder.toString(), null, "the folder of the weights does not exist");
    }
    if (!Files.isDirectory(folder)) {
      throw new NotDirectoryException(folder.toString());
    }
    WeightFiles found = tryFind(folder, stem, variant);
    if (found != null) {
      return found;
    }
    List<String> names = names(folder);
    Set<String> variants = variants(names, stem);
    if (variant == null && variants.size() == 1) {
      WeightFiles only = tryFind(folder, stem, variants.iterator().next());
      if (only != null) {
        return only;
      }
    }
    throw new InvalidCheckpointException(folder, missing(names, stem, variant, variants));
  }

  private static @Nullable WeightFiles tryFind(Path folder, String stem, @Nullable String variant)
      throws IOException {
    String infix = variant == null ? "" : "." + variant;
    Path index = folder.resolve(stem + SUFFIX + ".index" + infix + ".json");
    if (variant != null && !Files.exists(index)) {
      index = folder.resolve(stem + SUFFIX + infix + ".index.json");
    }
    if (Files.exists(index)) {
      Map<String, Path> shardOf = readIndex(index);
      List<Path> files = shardOf.values().stream().distinct().sorted().toList();
      return new WeightFiles(folder, stem, variant, index, files, shardOf);
    }
    Path file = folder.resolve(stem + infix + SUFFIX);
    if (Files.exists(file)) {
      return new WeightFiles(folder, stem, variant, null, List.of(file), Map.of());
    }
    return null;
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  private static Set<String> variants(List<String> names, String stem) {
    String start = Pattern.quote(stem);
    String name = "([A-Za-z0-9_-]+)";
    List<Pattern> patterns =
        List.of(
            Pattern.compile(start + "\\.safetensors\\.index\\." + name + "\\.json"),
            Pattern.compile(start + "\\.safetensors\\." + name + "\\.index\\.json"),
            Pattern.compile(start + "\\." + name + "\\.safetensors"));
    Set<String> variants = new TreeSet<>();
    for (String file : names) {
      for (Pattern pattern : patterns) {
        Matcher matcher = pattern.matcher(file);
        if (matcher.matches() && !SHARD.matcher(matcher.group(1)).matches()) {
          variants.add(matcher.group(1));
        }
      }
    }
    return variants;
  }

  private static String missing(
      List<String> names, String stem, @Nullable String variant, Set<String> variants) {
    String wanted = stem + (variant == null ? "" : "." + variant) + SUFFIX;
    if (!variants.isEmpty()) {
      return "has no " + wanted + "; choose one of its variants " + variants;
    }
    if (names.contains(stem + SUFFIX) || names.contains(stem + SUFFIX + ".index.json")) {
      return "has no " + wanted + ", but weights without a variant; ask for none";
    }
    List<String> pickles =
        names.stream().filter(name -> PICKLES.stream().anyMatch(name::endsWith)).toList();
    if (!pickles.isEmpty()) {
      return "has no "
          + wanted
          + ", only the Python pickles "
          + pickles
          + ". Pickles can run any program when they are opened and are never read here. Convert"
          + " the model in Python, if you trust its source: load it with from_pretrained(folder)"
          + " and write it with save_pretrained(new_folder, safe_serialization=True), or for one"
          + " file: from safetensors.torch import save_file;"
          + " save_file(torch.load('FILE', weights_only=True), '"
          + wanted
          + "', metadata={'format': 'pt'})";
    }
    List<String> shards =
        names.stream()
            .filter(name -> name.endsWith(SUFFIX))
            .filter(name -> SHARD.matcher(name.replace(SUFFIX, "")).matches())
            .toList();
    if (!shards.isEmpty()) {
      return "has no " + wanted + " and no index for the shards " + shards;
    }
    return "has no " + wanted + " and no index of shards; it has " + names;
  }

  /** Reads an index. Only the map is used; other entries are ignored, as in other readers. */
  private static Map<String, Path> readIndex(Path index) throws IOException {
    Object root;
    try {
      root = StrictJson.parse(TextFile.read(index));
    } catch (JsonFormatException | TextFormatException e) {
      throw new InvalidCheckpointException(index, "is not JSON: " + e.getMessage());
    }
    Object map = root instanceof Map<?, ?> object ? object.get("weight_map") : null;
    if (!(map instanceof Map<?, ?> weightMap)) {
      throw new InvalidCheckpointException(index, "must be an object with an object weight_map");
    }
    List<String> problems = new ArrayList<>();
    Map<String, Path> shardOf = new LinkedHashMap<>();
    Map<String, Boolean> checked = new LinkedHashMap<>();
    weightMap.forEach((tensor, file) -> {
      if (!(file instanceof String name)) {
        problems.add("the shard of '" + tensor + "' must be a file name, was " + file);
      } else if (checked.computeIfAbsent(name, key -> checkShard(index, key, problems))) {
        shardOf.put((String) tensor, index.resolveSibling(name));
      }
    });
    if (weightMap.isEmpty()) {
      problems.add("weight_map must name at least one tensor");
    }
    if (!problems.isEmpty()) {
      throw new InvalidCheckpointException(index, problems);
    }
    return shardOf;
  }

  private static boolean checkShard(Path index, String name, List<String> problems) {
    if (name.startsWith(".") || !name.endsWith(SUFFIX) || name.matches("(?s).*[/\\\\:\0].*")) {
      problems.add("a shard must be a plain name of a .safetensors file, was '" + name + "'");
      return false;
    }
    if (!Files.isRegularFile(index.resolveSibling(name))) {
      problems.add("the shard '" + name + "' does not exist");
      return false;
    }
    return true;
  }
}
