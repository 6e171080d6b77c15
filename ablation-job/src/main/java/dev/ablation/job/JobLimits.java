package dev.ablation.job;

import dev.ablation.job.internal.Described;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a run may take. It is refused if the estimate says more, and stopped, to be resumed, if it
 * takes more.
 *
 * @param time time of one run, such as {@code 2 h}
 * @param memory peak memory of the process, such as {@code 8 GiB}
 */
public record JobLimits(
    @Described("Time of one run, such as `2 h`.") @Nullable Duration time,
    @Described("Peak memory of the process, such as `8 GiB`.") @Nullable JobBytes memory) {}
