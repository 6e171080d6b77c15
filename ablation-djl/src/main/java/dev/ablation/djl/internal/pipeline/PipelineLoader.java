package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens a checkpoint as one of some pipeline classes. Everything that is read from small files is
 * checked before the engine starts and weights are read.
 */
public final class PipelineLoader {
  private static final Logger LOG = LoggerFactory.getLogger(PipelineLoader.class);
  private static final String CLASS_NAME = "_class_name";

  private PipelineLoader() {}

  /**
   * Opens a checkpoint.
   *
   * @param path a folder in diffusers' layout, or a single file
   * @param options how it is opened
   * @param known the pipeline classes that may be there
   * @param <M> the model
   * @return the model
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static <M> M load(
      Path path, LoadOptions options, List<? extends PipelineClass<? extends M>> known)
      throws IOException {
    try (CheckpointSource source = CheckpointSource.open(path, options)) {
      JsonConfig index = source.index();
      PipelineClass<? extends M> pipeline = find(source, index, known);
      pipeline.checkIndex(index);
      if (!options.textualInversions().isEmpty() && !pipeline.takesAddedTokens()) {
        throw new InvalidCheckpointException(
            path,
            "LoadOptions.textualInversion must be absent for %s: its text encoders take no added tokens"
                .formatted(index.requireString(CLASS_NAME)));
      }
      return load(source, index, options, pipeline);
    }
  }

  private static <M> PipelineClass<? extends M> find(
      CheckpointSource source, JsonConfig index, List<? extends PipelineClass<? extends M>> known)
      throws InvalidCheckpointException {
    String name = index.requireString(CLASS_NAME);
    boolean isKnown = known.stream().anyMatch(pipeline -> pipeline.names().contains(name));
    if (!isKnown && source.family().isPresent()) {
      throw new InvalidCheckpointException(
          source.path(),
          "is a checkpoint of %s; the pipeline must be %s%s"
              .formatted(source.family().get(), rule(known), OtherPipelines.remark(index)));
    }
    return find(index, known);
  }

  private static <M> PipelineClass<? extends M> find(
      JsonConfig index, List<? extends PipelineClass<? extends M>> known)
      throws InvalidCheckpointException {
    String name = index.requireString(CLASS_NAME);
    for (PipelineClass<? extends M> pipeline : known) {
      if (pipeline.names().contains(name)) {
        return pipeline;
      }
    }
    throw index.invalid(
        CLASS_NAME, "a supported pipeline: " + rule(known) + OtherPipelines.remark(index));
  }

  private static String rule(List<? extends PipelineClass<?>> known) {
    TreeSet<String> names = new TreeSet<>();
    known.forEach(pipeline -> names.addAll(pipeline.names()));
    return "one of " + names;
  }

  private static <M> M load(
      CheckpointSource source,
      JsonConfig index,
      LoadOptions options,
      PipelineClass<? extends M> pipeline)
      throws IOException {
    Components components = read(source, index, options, pipeline.components());
    check(source, pipeline.mismatches(components));
    List<String> problems = new ArrayList<>();
    for (Network<?, ?> network : components.networks()) {
      network.locate(source);
    }
    for (Network<?, ?> network : components.networks()) {
      network.build();
    }
    for (Network<?, ?> network : components.networks()) {
      network.open(source, problems);
    }
    source.checkLeftovers(problems);
    check(source, problems);
    KeptFiles kept = KeptFiles.read(source, components);
    Opening opening = new Opening(source, index, options, components, kept, problems);
    try {
      return pipeline.open(components, opening);
    } catch (IOException | RuntimeException | Error e) {
      opening.undo();
      throw e;
    }
  }

  private static Components read(
      CheckpointSource source, JsonConfig index, LoadOptions options, List<Component<?>> list)
      throws IOException {
    checkLeftOut(source, options, list);
    checkReplaced(source, options, list);
    Map<Component<?>, String> present = new LinkedHashMap<>();
    for (Component<?> component : list) {
      if (!component.optional() || !isAbsent(index, options, component.name())) {
        present.put(component, className(index, component));
      }
    }
    Components components = new Components();
    for (Map.Entry<Component<?>, String> component : present.entrySet()) {
      components.read(component.getKey(), source, component.getValue());
    }
    return components;
  }

  private static void checkLeftOut(
      CheckpointSource source, LoadOptions options, List<Component<?>> list)
      throws InvalidCheckpointException {
    TreeSet<String> optional = new TreeSet<>();
    list.stream().filter(Component::optional).forEach(component -> optional.add(component.name()));
    for (String name : options.without()) {
      if (!optional.contains(name)) {
        throw new InvalidCheckpointException(
            source.path(),
            "LoadOptions.without must name a component that the pipeline can do without: one of "
                + optional
                + ", was "
                + name);
      }
    }
  }

  private static void checkReplaced(
      CheckpointSource source, LoadOptions options, List<Component<?>> list)
      throws InvalidCheckpointException {
    TreeSet<String> names = new TreeSet<>();
    list.forEach(component -> names.add(component.name()));
    for (String name : options.components().keySet()) {
      if (!names.contains(name)) {
        throw new InvalidCheckpointException(
            source.path(),
            "LoadOptions.component must name a component of the pipeline: one of %s, was %s"
                .formatted(names, name));
      }
    }
  }

  /** An absent component is left out of the index, or {@code [null, null]} stands for it. */
  private static boolean isAbsent(JsonConfig index, LoadOptions options, String name) {
    return options.without().contains(name)
        || !index.has(name)
        || (index.value(name) instanceof List<?> pair && pair.stream().allMatch(Objects::isNull));
  }

  private static String className(JsonConfig index, Component<?> component)
      throws InvalidCheckpointException {
    List<String> pair;
    try {
      pair = index.requireStrings(component.name());
    } catch (InvalidCheckpointException e) {
      // Such as [null, null], which means an absent component.
      throw index.invalid(component.name(), component.rule());
    }
    if (pair.size() != 2
        || (!component.classes().isEmpty() && !component.classes().contains(pair.get(1)))) {
      throw index.invalid(component.name(), component.rule());
    }
    return pair.get(1);
  }

  static void check(CheckpointSource source, List<String> problems)
      throws InvalidCheckpointException {
    if (!problems.isEmpty()) {
      throw new InvalidCheckpointException(source.path(), problems);
    }
  }

  /**
   * Tells which components would be read, from the index alone.
   *
   * @param index of a pipeline
   * @param without components that are left out
   * @param known the pipeline classes that may be there
   * @return their names, in the order in which they are read
   * @throws InvalidCheckpointException if the pipeline is none of them, or cannot do without a
   *     component
   */
  public static Set<String> components(
      JsonConfig index, LoadOptions without, List<? extends PipelineClass<?>> known)
      throws InvalidCheckpointException {
    PipelineClass<?> found = find(index, known);
    Set<String> components = new LinkedHashSet<>();
    TreeSet<String> optional = new TreeSet<>();
    for (Component<?> component : found.components()) {
      if (component.optional()) {
        optional.add(component.name());
      }
      if (!component.optional() || !isAbsent(index, without, component.name())) {
        String className = className(index, component);
        LOG.debug("{} is a {}", component.name(), className);
        components.add(component.name());
      }
    }
    if (!optional.containsAll(without.without())) {
      throw new InvalidCheckpointException(
          index.path(),
          "%s can do without %s, was to do without %s"
              .formatted(index.requireString(CLASS_NAME), optional, without.without()));
    }
    return components;
  }
}
