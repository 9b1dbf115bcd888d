"""The evidence of a bundle as pages for readers: a report in HTML, a model card in Markdown, figures as data."""

from vouch.report.pages import pages, report_of

__all__ = ["pages", "report_of"]
