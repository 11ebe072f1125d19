/** Before the page is drawn: the looks that were chosen here, so that nothing flashes. Not a module, which would wait. */
try {
  const { theme } = JSON.parse(localStorage.getItem("throughline.desk") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Then as the system has it.
}
