// Draws the mermaid blocks, in the reader's colours, again when these change. A block inside a closed fold with `data-lazy` is
// drawn when the fold is opened: a page may hold many.
(() => {
  const blocks = [...document.querySelectorAll("code.language-mermaid")].map((code) => ({
    source: code.textContent,
    place: code.parentElement,
  }));
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const style = () => getComputedStyle(document.documentElement);

  function theme() {
    const color = (name) => style().getPropertyValue(`--${name}`).trim();
    const ink = color("ink"), soft = color("ink-soft"), page = color("page"), panel = color("panel"), line = color("line-strong");
    return {
      darkMode: scheme.matches, background: page, fontFamily: style().fontFamily, fontSize: "14px",
      primaryColor: panel, primaryTextColor: ink, primaryBorderColor: line, lineColor: soft, textColor: ink,
      secondaryColor: panel, tertiaryColor: page, mainBkg: panel, nodeBorder: line, clusterBkg: page, clusterBorder: line,
      titleColor: ink, edgeLabelBackground: page, noteBkgColor: panel, noteTextColor: ink, noteBorderColor: line,
      xyChart: {
        backgroundColor: "transparent", titleColor: ink, plotColorPalette: color("series"),
        xAxisLabelColor: soft, xAxisTitleColor: soft, xAxisTickColor: line, xAxisLineColor: line,
        yAxisLabelColor: soft, yAxisTitleColor: soft, yAxisTickColor: line, yAxisLineColor: line,
      },
    };
  }

  async function draw() {
    mermaid.initialize({
      startOnLoad: false, securityLevel: "strict", suppressErrorRendering: true, theme: "base", themeVariables: theme(),
    });
    for (const [index, block] of blocks.entries()) {
      if (block.place.closest("details[data-lazy]:not([open])")) continue;
      if (block.scheme === scheme.matches) continue;
      block.scheme = scheme.matches;
      try {
        const { svg } = await mermaid.render(`diagram-${index}`, block.source);
        const figure = document.createElement("figure");
        figure.className = "diagram";
        figure.innerHTML = svg;
        block.place.replaceWith(figure);
        block.place = figure;
      } catch (error) {
        // The source stays where it is, which is what GitHub shows beside its error.
        block.place.classList.add("undrawn");
        block.place.title = String(error.message ?? error);
      }
    }
    document.documentElement.dataset.drawn = String(document.querySelectorAll("figure.diagram svg").length);
  }

  // One drawing at a time: mermaid's settings are those of the page.
  let last = Promise.resolve();
  const next = () => (last = last.then(draw));
  next();
  for (const fold of document.querySelectorAll("details[data-lazy]")) fold.addEventListener("toggle", next);
  scheme.addEventListener("change", next);
})();
