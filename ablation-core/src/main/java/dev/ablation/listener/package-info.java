/**
 * Ready-made listeners.
 *
 * <ul>
 *   <li>Log files: {@link dev.ablation.listener.CsvLog} for training steps, {@link
 *       dev.ablation.listener.JsonLinesLog} for all events.
 *   <li>Images: {@link dev.ablation.listener.SampleImages} generates images with the model under
 *       training.
 *   <li>Extension point: implement {@link dev.ablation.listener.ModelListener} for a listener with
 *       access to that model, or {@link dev.ablation.event.AblationListener} for one that needs
 *       only events.
 * </ul>
 */
@NullMarked
package dev.ablation.listener;

import org.jspecify.annotations.NullMarked;
