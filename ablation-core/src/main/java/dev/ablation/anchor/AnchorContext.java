package dev.ablation.anchor;

/** What a strategy may know of the run that asks for its pictures. */
public interface AnchorContext {

  /** {@return the run's seed} */
  long seed();

  /**
   * Tells the run's listeners.
   *
   * @param done how much of the work is done
   * @param total how much there is
   * @param fromCache whether the pictures come from a cache
   */
  void progress(long done, long total, boolean fromCache);

  /** {@return whether the run was cancelled; to be asked often} */
  boolean cancelled();
}
