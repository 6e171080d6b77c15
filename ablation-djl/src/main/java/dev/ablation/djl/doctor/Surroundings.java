package dev.ablation.djl.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;

/**
 * The settings that decide which library is loaded. Nothing here loads a class of the engine, which
 * would connect or load a library.
 *
 * @param environment variables
 * @param properties of the system
 * @param loader finds the jars of the class path
 */
record Surroundings(Map<String, String> environment, Properties properties, ClassLoader loader) {
  /** The settings that a process of its own needs to come to the same library. */
  private static final List<String> PREFIXES =
      List.of("PYTORCH_", "DJL_", "ENGINE_CACHE_DIR", "OPT_OUT_", "RUST_", "LIBSTDCXX_", "ai.djl.");

  private static final List<String> NAMES = List.of("offline", "user.home", "java.io.tmpdir");

  static Surroundings ofThisProcess() {
    return new Surroundings(
        System.getenv(), System.getProperties(), Surroundings.class.getClassLoader());
  }

  /** A setting as DJL reads it: the environment first. */
  Optional<String> setting(String name) {
    String value = environment.get(name);
    return Optional.ofNullable(value != null ? value : properties.getProperty(name))
        .filter(text -> !text.isBlank());
  }

  /** Where a setting comes from, in words. */
  String origin(String name) {
    return environment.containsKey(name)
        ? "the environment variable " + name
        : "the system property " + name;
  }

  Map<String, String> forwarded() {
    Map<String, String> forwarded = new TreeMap<>();
    for (String name : properties.stringPropertyNames()) {
      if (NAMES.contains(name) || PREFIXES.stream().anyMatch(name::startsWith)) {
        forwarded.put(name, properties.getProperty(name));
      }
    }
    return forwarded;
  }

  /** All files of properties of that name on the class path, with their addresses. */
  Map<String, Properties> resources(String name) throws IOException {
    Map<String, Properties> found = new LinkedHashMap<>();
    for (URL url : Collections.list(loader.getResources(name))) {
      Properties content = new Properties();
      try (InputStream in = url.openStream()) {
        content.load(in);
      }
      found.put(url.toString(), content);
    }
    return found;
  }

  boolean hasResource(String name) {
    return loader.getResource(name) != null;
  }

  /** Names of the files of a folder; none if it cannot be read. */
  static List<String> files(Path folder) {
    List<String> names = new ArrayList<>();
    try (var files = Files.list(folder)) {
      files.forEach(file -> names.add(String.valueOf(file.getFileName())));
    } catch (IOException e) {
      return List.of();
    }
    Collections.sort(names);
    return names;
  }
}
