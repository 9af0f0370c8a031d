"""What a run leaves behind and what is made of it: record, pages, Allure, JUnit XML, comparisons, the reference."""
