package dev.ablation.golden;

import ai.djl.Device;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;

/** The directory of reference values. What it lacks fails the test that asks for it. */
public final class Golden {
  /**
   * Pipelines of this class are left out by tests of {@code StableDiffusion}, which has one text
   * encoder.
   */
  public static final String LEFT_OUT_CLASS = "StableDiffusionXLPipeline";

  private Golden() {}

  /**
   * A model folder whose values the directory has.
   *
   * @param name of the folder
   * @param folder in diffusers' layout
   */
  public record Pipeline(String name, Path folder) {
    /** Returns the class that the folder's index names. */
    public String className() {
      return object(folder.resolve("model_index.json")).get("_class_name").getAsString();
    }
  }

  /** The tests of one pipeline, made when its turn comes. */
  @FunctionalInterface
  public interface PipelineTests {
    /**
     * Makes the tests.
     *
     * @param pipeline to test
     * @return its tests
     * @throws IOException if a file cannot be read
     */
    Stream<? extends DynamicNode> of(Pipeline pipeline) throws IOException;
  }

  /** Returns the directory. */
  public static Path directory() {
    String directory = System.getProperty("ablation.golden");
    if (directory == null) {
      throw new AssertionError("the system property ablation.golden names no directory");
    }
    return Path.of(directory);
  }

  /**
   * Returns a file or folder of the second directory, which the system property {@code
   * ablation.golden2} names.
   *
   * @param path below that directory
   * @return the path, which exists
   */
  public static Path second(String path) {
    String directory = System.getProperty("ablation.golden2");
    if (directory == null) {
      throw new AssertionError("the system property ablation.golden2 names no directory");
    }
    Path found = Path.of(directory).resolve(path);
    if (!Files.exists(found)) {
      throw new AssertionError("the second golden directory lacks " + found);
    }
    return found;
  }

  /** Returns the device to compute on, from the system property {@code ablation.device}. */
  public static Device device() {
    return Device.fromName(System.getProperty("ablation.device", "cpu"));
  }

  /**
   * Returns a file or folder of the directory.
   *
   * @param path below the directory
   * @return the path, which exists
   */
  public static Path path(String path) {
    Path found = directory().resolve(path);
    if (!Files.exists(found)) {
      throw new AssertionError("the golden directory lacks " + found);
    }
    return found;
  }

  /**
   * Reads a JSON object.
   *
   * @param file the file
   * @return the object
   */
  public static JsonObject object(Path file) {
    try {
      return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    } catch (IOException e) {
      throw new UncheckedIOException("the golden directory lacks " + file, e);
    }
  }

  /**
   * Reads a JSON array of strings.
   *
   * @param array the array
   * @return its strings
   */
  public static List<String> strings(JsonElement array) {
    return array.getAsJsonArray().asList().stream().map(JsonElement::getAsString).toList();
  }

  /**
   * Returns the folders inside a folder, by name.
   *
   * @param part below the directory, such as {@code B_components}
   * @return names, sorted
   */
  public static List<String> folders(String part) {
    try (Stream<Path> files = Files.list(path(part))) {
      return files
          .filter(Files::isDirectory)
          .map(f -> f.getFileName().toString())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Returns the model folders of a part's data, without those of {@link #LEFT_OUT_CLASS}.
   *
   * @param names of the model folders that the part has data of
   * @return at least one
   */
  public static List<Pipeline> pipelines(Collection<String> names) {
    List<Pipeline> pipelines = new ArrayList<>();
    for (String name : names) {
      Pipeline pipeline = new Pipeline(name, path("pipelines").resolve(name));
      if (!pipeline.className().equals(LEFT_OUT_CLASS)) {
        pipelines.add(pipeline);
      }
    }
    if (pipelines.isEmpty()) {
      throw new AssertionError("no pipeline to test in " + directory() + " among " + names);
    }
    return pipelines;
  }

  /**
   * Returns the model folders of a part's data.
   *
   * @param names of the model folders that the part has data of
   * @return all of them, at least one
   */
  public static List<Pipeline> allPipelines(Collection<String> names) {
    if (names.isEmpty()) {
      throw new AssertionError("no pipeline to test in " + directory());
    }
    return names.stream().map(name -> new Pipeline(name, path("pipelines").resolve(name))).toList();
  }

  /**
   * Makes a container of tests for each pipeline. Tests are made when the container runs, so that a
   * pipeline that fails there does not hide the others.
   *
   * @param pipelines to test
   * @param tests of one pipeline
   * @return the containers
   */
  public static Stream<DynamicContainer> containers(List<Pipeline> pipelines, PipelineTests tests) {
    return pipelines.stream()
        .map(pipeline ->
            DynamicContainer.dynamicContainer(
                pipeline.name(),
                Stream.of(pipeline)
                    .flatMap(one -> {
                      try {
                        return tests.of(one);
                      } catch (IOException e) {
                        throw new UncheckedIOException(e);
                      }
                    })));
  }
}
