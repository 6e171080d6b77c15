package dev.ablation.job.evidence;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The files of a folder with their SHA-256, as an in-toto statement (in-toto attestation framework,
 * Statement v1): each file is a subject, and the predicate says what the files are.
 */
public final class Manifest {
  /** Name of the file. */
  public static final String FILE = "manifest.json";

  /**
   * Name of the folder with what an unfinished run needs to continue. It is no evidence: nothing of
   * a finished run is read from it, and an end that was killed may have left it.
   */
  public static final String WORK = "work";

  private static final String STATEMENT = "https://in-toto.io/Statement/v1";

  private final Map<String, String> sha256;
  private final JsonObject predicate;
  private final String predicateType;

  private Manifest(Map<String, String> sha256, String predicateType, JsonObject predicate) {
    this.sha256 = Collections.unmodifiableMap(new TreeMap<>(sha256));
    this.predicateType = predicateType;
    this.predicate = predicate.deepCopy();
  }

  /**
   * Lists the files of a folder, in folders within it too, but for a manifest, its signature and
   * {@link #WORK}.
   *
   * @param folder any
   * @param predicateType says what the predicate means
   * @param predicate what the files are
   * @return the manifest
   * @throws IOException if a file cannot be read, or is a symbolic link
   */
  public static Manifest of(Path folder, String predicateType, JsonObject predicate)
      throws IOException {
    Map<String, String> sha256 = new TreeMap<>();
    for (String name : files(folder)) {
      sha256.put(name, Sha256.of(folder.resolve(name)));
    }
    return new Manifest(sha256, predicateType, predicate);
  }

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      List<String> names = new ArrayList<>();
      for (Path file : files.filter(each -> !Files.isDirectory(each)).sorted().toList()) {
        String name = folder.relativize(file).toString().replace(File.separatorChar, '/');
        if (!name.equals(FILE) && !name.equals(Envelope.FILE) && !name.startsWith(WORK + "/")) {
          if (Files.isSymbolicLink(file)) {
            throw new IOException(file + ": evidence must not contain symbolic links");
          }
          names.add(name);
        }
      }
      return names;
    }
  }

  /**
   * Reads the manifest of a folder.
   *
   * @param folder with a manifest
   * @return the manifest
   * @throws IOException if there is none, or it cannot be read
   */
  public static Manifest read(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    return parse(file.toString(), TextFile.read(file));
  }

  static Manifest parse(String name, String text) throws IOException {
    try {
      JsonObject json = JsonParser.parseString(text).getAsJsonObject();
      if (!STATEMENT.equals(json.get("_type").getAsString())) {
        throw new IOException(name + ": _type must be " + STATEMENT);
      }
      Map<String, String> sha256 = new TreeMap<>();
      for (JsonElement subject : json.getAsJsonArray("subject")) {
        JsonObject each = subject.getAsJsonObject();
        String path = each.get("name").getAsString();
        String digest = each.getAsJsonObject("digest").get("sha256").getAsString();
        if (sha256.put(path, digest) != null) {
          throw new IOException(name + ": a file is listed twice: " + path);
        }
      }
      return new Manifest(
          sha256, json.get("predicateType").getAsString(), json.getAsJsonObject("predicate"));
    } catch (JsonParseException
        | IllegalStateException
        | NullPointerException
        | UnsupportedOperationException
        | ClassCastException e) {
      throw new IOException(name + ": not an in-toto statement with SHA-256 digests", e);
    }
  }

  /**
   * Writes the manifest.
   *
   * @param folder whose files it lists
   * @throws IOException if it cannot be written
   */
  public void write(Path folder) throws IOException {
    AtomicFiles.writeString(folder.resolve(FILE), Existing.REPLACE, toJson());
  }

  /**
   * Compares a folder with the manifest.
   *
   * @param folder any
   * @return a problem for each file that is missing, changed or not listed
   * @throws IOException if a file cannot be read
   */
  public List<String> differences(Path folder) throws IOException {
    List<String> found = new ArrayList<>();
    List<String> files = files(folder);
    for (Map.Entry<String, String> each : sha256.entrySet()) {
      String name = each.getKey();
      if (!files.contains(name)) {
        found.add(name + ": is missing");
        continue;
      }
      String actual = Sha256.of(folder.resolve(name));
      if (!actual.equals(each.getValue())) {
        found.add("%s: SHA-256 must be %s, was %s".formatted(name, each.getValue(), actual));
      }
    }
    files.stream()
        .filter(name -> !sha256.containsKey(name))
        .forEach(name -> found.add(name + ": is not in the manifest"));
    return found;
  }

  /** {@return SHA-256 of each file, by its name} */
  public Map<String, String> sha256() {
    return sha256;
  }

  /** {@return the type of what the files are} */
  public String predicateType() {
    return predicateType;
  }

  /** {@return what the files are, a copy} */
  public JsonObject predicate() {
    return predicate.deepCopy();
  }

  /** {@return the statement, with a line feed at its end} */
  public String toJson() {
    JsonObject json = new JsonObject();
    json.addProperty("_type", STATEMENT);
    JsonArray subjects = new JsonArray();
    sha256.forEach((name, hash) -> {
      JsonObject digest = new JsonObject();
      digest.addProperty("sha256", hash);
      JsonObject subject = new JsonObject();
      subject.addProperty("name", name);
      subject.add("digest", digest);
      subjects.add(subject);
    });
    json.add("subject", subjects);
    json.addProperty("predicateType", predicateType);
    json.add("predicate", predicate);
    return new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create().toJson(json) + "\n";
  }
}
