package dev.ablation.djl.hub;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which files of a repository a pipeline needs: its index, and of each component the configuration
 * and the weights in safetensors, of one variant; of tokenizers and schedulers everything that is
 * data. The rules are diffusers', except that components which this library does not read (safety
 * checker, feature extractor) and pickles are never taken.
 */
final class FileSelection {
  static final String INDEX = "model_index.json";

  private static final String CONFIG = "config.json";
  private static final String STEM = "(?:diffusion_pytorch_model|model)";
  private static final String NAME = "([A-Za-z0-9_-]+)";

  /** Group 1 or 2 is the variant; both forms of shards are in use. */
  private static final Pattern WEIGHTS =
      Pattern.compile(
          STEM
              + "(?:\\.([A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*?))?(?:-\\d{5}-of-\\d{5})?(?:\\."
              + NAME
              + ")?\\.safetensors");

  private static final Pattern INDEXES =
      Pattern.compile(
          STEM + "\\.safetensors(?:\\." + NAME + ")?\\.index(?:\\." + NAME + ")?\\.json");

  private static final Set<String> PICKLES = Set.of("bin", "pt", "pth", "ckpt", "pkl", "pickle");
  private static final Set<String> OTHER_WEIGHTS =
      Set.of("safetensors", "msgpack", "h5", "onnx", "onnx_data", "pb", "flashpack", "tflite");
  private static final Set<String> PROGRAMS = Set.of("py", "pyc", "so", "dll", "sh", "bat", "exe");

  private final Collection<String> files;
  private final @Nullable String variant;
  private final List<String> selected = new ArrayList<>();
  private final Set<String> withoutVariant = new TreeSet<>();
  private final Set<String> withVariant = new TreeSet<>();
  private final Set<String> variants = new TreeSet<>();
  private final Set<String> onlyPickles = new TreeSet<>();
  private final Set<String> missing = new TreeSet<>();
  private final Set<String> ambiguous = new TreeSet<>();

  private FileSelection(Collection<String> files, @Nullable String variant) {
    this.files = files;
    this.variant = variant;
  }

  /**
   * Selects.
   *
   * @param files all files of the repository
   * @param components the folders that the pipeline needs
   * @param variant such as {@code fp16}; {@code null} for the plain files, or the only variant
   */
  static FileSelection of(
      Collection<String> files, Collection<String> components, @Nullable String variant) {
    FileSelection selection = new FileSelection(files, variant);
    selection.selected.add(INDEX);
    components.forEach(selection::add);
    return selection;
  }

  /** The files, sorted. */
  List<String> selected() {
    return selected.stream().sorted().toList();
  }

  /** Components without any file, or networks without weights. */
  Set<String> missing() {
    return missing;
  }

  /** Networks whose weights are published as pickles alone. */
  Set<String> onlyPickles() {
    return onlyPickles;
  }

  /** Networks of which there are several variants and no plain files. */
  Set<String> ambiguous() {
    return ambiguous;
  }

  /** The variants that there are. */
  Set<String> variants() {
    return variants;
  }

  /** Whether a variant is wanted that no network has. */
  boolean lacksVariant() {
    return variant != null && withVariant.isEmpty() && !withoutVariant.isEmpty();
  }

  /** Networks that are taken plain although a variant is wanted, as others have it. */
  Set<String> withoutVariant() {
    return withoutVariant;
  }

  private void add(String component) {
    String prefix = component + "/";
    List<String> names =
        files.stream()
            .filter(file -> file.startsWith(prefix))
            .map(file -> file.substring(prefix.length()))
            .toList();
    if (names.isEmpty()) {
      missing.add(component);
    } else if (isNetwork(component, names)) {
      addNetwork(component, names);
    } else {
      names.stream().filter(FileSelection::isData).forEach(name -> selected.add(prefix + name));
    }
  }

  /** Tokenizers may have a config.json, too; only networks have weights. */
  private static boolean isNetwork(String component, List<String> names) {
    return names.stream().anyMatch(FileSelection::isWeights)
        || (names.contains(CONFIG) && !component.startsWith("tokenizer"));
  }

  private static boolean isWeights(String name) {
    return PICKLES.contains(ending(name)) || OTHER_WEIGHTS.contains(ending(name));
  }

  private static boolean isData(String name) {
    return !isWeights(name) && !PROGRAMS.contains(ending(name));
  }

  private static String ending(String name) {
    return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
  }

  private void addNetwork(String component, List<String> names) {
    Map<String, List<String>> byVariant = new LinkedHashMap<>();
    for (String name : names) {
      for (Pattern pattern : List.of(WEIGHTS, INDEXES)) {
        Matcher matcher = pattern.matcher(name);
        if (matcher.matches()) {
          String first = matcher.group(1);
          String second = matcher.group(2);
          String found = first != null ? first : second != null ? second : "";
          byVariant.computeIfAbsent(found, key -> new ArrayList<>()).add(name);
        }
      }
    }
    byVariant.values().removeIf(group -> group.stream().noneMatch(FileSelection::isWeights));
    byVariant.keySet().stream().filter(name -> !name.isEmpty()).forEach(variants::add);
    String chosen = chosen(component, byVariant.keySet());
    if (chosen == null) {
      if (byVariant.isEmpty()) {
        boolean pickles = names.stream().anyMatch(name -> PICKLES.contains(ending(name)));
        (pickles ? onlyPickles : missing).add(component);
      } else {
        ambiguous.add(component);
      }
      return;
    }
    selected.add(component + "/" + CONFIG);
    List<String> group = byVariant.get(chosen);
    if (group != null) {
      needed(group).forEach(name -> selected.add(component + "/" + name));
    }
  }

  private @Nullable String chosen(String component, Set<String> present) {
    if (variant != null && present.contains(variant)) {
      withVariant.add(component);
      return variant;
    }
    if (variant != null && !present.isEmpty()) {
      withoutVariant.add(component);
    }
    if (present.contains("")) {
      return "";
    }
    return present.size() == 1 ? present.iterator().next() : null;
  }

  /** An index makes a whole file beside its shards superfluous. */
  private static List<String> needed(List<String> group) {
    boolean indexed = group.stream().anyMatch(name -> !isWeights(name));
    return group.stream()
        .filter(name -> !indexed || !isWeights(name) || name.matches(".*-\\d{5}-of-\\d{5}.*"))
        .collect(Collectors.toList());
  }
}
