package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/**
 * A published pipeline class, such as {@code StableDiffusionPipeline}: which components it has,
 * whether they fit each other, and the model that they make.
 *
 * @param <M> the model
 */
public interface PipelineClass<M> {

  /** {@return the values of {@code _class_name} that it reads} */
  Set<String> names();

  /** {@return its components, in the order in which they are read} */
  List<Component<?>> components();

  /** {@return whether tokens can be added to the vocabulary of its text encoders} */
  default boolean takesAddedTokens() {
    return false;
  }

  /**
   * Checks the index before the components are read.
   *
   * @param index {@code model_index.json}
   * @throws InvalidCheckpointException if it is of a model that the class does not support
   */
  default void checkIndex(JsonConfig index) throws InvalidCheckpointException {}

  /**
   * Compares the configurations of the components.
   *
   * @param components as their readers read them, networks not built
   * @return what does not fit, one sentence each
   */
  List<String> mismatches(Components components);

  /**
   * Makes the model.
   *
   * @param components networks built, their files opened and found to fit
   * @param opening fills the networks
   * @return the model
   * @throws IOException if a file cannot be read or does not fit
   */
  M open(Components components, Opening opening) throws IOException;
}
