package dev.ablation.service;

import dev.ablation.delta.WeightDelta;
import dev.ablation.provenance.Provenance;
import dev.ablation.serve.ModelPool;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** Applies what runs learned, and takes it back. */
@RestController
final class VariantsController {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
  private static final int MOST_DELTAS = 64;

  private final ModelPool pool;
  private final Runs runs;

  VariantsController(ModelPool pool, Runs runs) {
    this.pool = pool;
    this.runs = runs;
  }

  /**
   * A variant of the model.
   *
   * @param name of the variant
   * @param deltas what its deltas remove, in the order in which they are applied
   */
  record Variant(String name, List<String> deltas) {
    static Variant of(String name, List<Provenance> deltas) {
      return new Variant(name, deltas.stream().map(Variant::targets).toList());
    }

    static List<Variant> all(ModelPool pool) {
      return pool.variants().entrySet().stream()
          .map(variant -> of(variant.getKey(), variant.getValue()))
          .toList();
    }

    private static String targets(Provenance delta) {
      return delta.targets().isEmpty() ? delta.baseName() : String.join(", ", delta.targets());
    }
  }

  /**
   * What a variant consists of.
   *
   * @param runs whose deltas are applied, in this order
   */
  record Contents(List<String> runs) {}

  @GetMapping("/api/variants")
  List<Variant> variants() {
    return Variant.all(pool);
  }

  @PutMapping(path = "/api/variants/{name}", consumes = MediaType.APPLICATION_JSON_VALUE)
  Variant put(@PathVariable String name, @RequestBody Contents contents) throws IOException {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "a variant's name must match %s, was '%s'".formatted(NAME, name));
    }
    if (contents.runs() == null || contents.runs().size() > MOST_DELTAS) {
      throw new IllegalArgumentException(
          "runs must be a list of at most %d runs".formatted(MOST_DELTAS));
    }
    List<WeightDelta> deltas = new ArrayList<>();
    try {
      for (String run : contents.runs()) {
        Path file = runs.get(run).delta();
        deltas.add(WeightDelta.load(file, pool.model().manager()));
      }
      pool.put(name, deltas);
      return Variant.of(name, deltas.stream().map(WeightDelta::provenance).toList());
    } finally {
      deltas.forEach(WeightDelta::close);
    }
  }

  @DeleteMapping("/api/variants/{name}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void remove(@PathVariable String name) {
    if (!pool.remove(name)) {
      throw new Problem(HttpStatus.NOT_FOUND, "there is no variant '%s'".formatted(name));
    }
  }
}
