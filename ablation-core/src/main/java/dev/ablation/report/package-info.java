/**
 * The report of an ablation: one page of HTML that needs nothing but itself, and the same as JSON.
 */
@NullMarked
package dev.ablation.report;

import org.jspecify.annotations.NullMarked;
