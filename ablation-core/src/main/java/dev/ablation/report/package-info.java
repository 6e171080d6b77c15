/**
 * The report of an ablation: {@link dev.ablation.report.Report} writes one self-contained HTML
 * page, and the same content without images as JSON.
 */
@NullMarked
package dev.ablation.report;

import org.jspecify.annotations.NullMarked;
