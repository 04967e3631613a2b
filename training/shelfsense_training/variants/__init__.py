"""One model for all locales, with or without their token, or one model per locale: trained and compared."""
