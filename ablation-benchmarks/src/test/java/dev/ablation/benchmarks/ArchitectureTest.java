package dev.ablation.benchmarks;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.junit.ArchTests;
import com.tngtech.archunit.lang.ArchRule;
import dev.ablation.archunit.HouseRules;

@AnalyzeClasses(
    packages = "dev.ablation.benchmarks",
    importOptions = {
      ImportOption.DoNotIncludeTests.class,
      ArchitectureTest.DoNotIncludeGenerated.class
    })
class ArchitectureTest {
  /** What JMH makes of the benchmarks. */
  static final class DoNotIncludeGenerated implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("/jmh_generated/");
    }
  }

  @ArchTest static final ArchTests HOUSE = ArchTests.in(HouseRules.class);

  @ArchTest
  static final ArchRule INTERNALS_OF_CORE = HouseRules.usesOfCoresInternalsOnly("AtomicFiles");

  @ArchTest
  static void internalPackagesAreUsedAsTheDescriptorsExportThem(JavaClasses classes) {
    HouseRules.checkExportsOfInternals("dev.ablation.benchmarks", classes);
  }
}
