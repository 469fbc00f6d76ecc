"""Reports rendered from ``report.json`` alone: page, Markdown, figures, badge, comparison, README tables."""
