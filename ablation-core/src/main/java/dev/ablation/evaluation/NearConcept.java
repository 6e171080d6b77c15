package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A concept that {@link NeighbourSearch} found near a target.
 *
 * @param name the concept's name
 * @param distances from what was compared, such as {@code "text encoder of 'tiny'"}, to the cosine
 *     distance, 1 minus the cosine, from 0 to 2; in the order of the search
 */
public record NearConcept(String name, Map<String, Double> distances) {

  /** Copies the distances and checks the name. */
  public NearConcept {
    Preconditions.checkArgument(!name.isBlank(), "name of a neighbour must not be blank");
    distances = Collections.unmodifiableMap(new LinkedHashMap<>(distances));
  }

  /** {@return the distances in words, such as {@code "0.12 by images (CLIP)"}} */
  public String words() {
    return distances.entrySet().stream()
        .map(each -> String.format(Locale.ROOT, "%.4f by %s", each.getValue(), each.getKey()))
        .collect(Collectors.joining(", "));
  }
}
