"""How every form of the site is rendered: `{{ form }}` gives the site's own markup."""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Django's renderer with the site's templates of forms and fields."""

    form_template_name = "portal/forms/form.html"
    field_template_name = "portal/forms/field.html"
