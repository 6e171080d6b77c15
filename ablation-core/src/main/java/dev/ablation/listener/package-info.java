/**
 * Ready-made listeners of a run: {@link dev.ablation.listener.CsvLog} and {@link
 * dev.ablation.listener.JsonLinesLog} write what happens to files, {@link
 * dev.ablation.listener.SampleImages} draws with the model under training. A listener that wants to
 * look at that model is a {@link dev.ablation.listener.ModelListener}.
 */
@NullMarked
package dev.ablation.listener;

import org.jspecify.annotations.NullMarked;
